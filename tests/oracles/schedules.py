"""Learning-rate factors of transformers' schedules after warm-up, for 121 steps with 20 steps of warm-up.

Usage: python schedules.py > schedules.json
Their last factor is for step `num_training_steps`, ours for the last step: hence 120. Their warm-up starts at 0, ours at 1 / 20.
"""
import json, sys
import torch
from transformers import get_constant_schedule_with_warmup, get_cosine_with_min_lr_schedule_with_warmup, get_linear_schedule_with_warmup, get_wsd_schedule

STEPS, WARM_UP = 121, 20


def factors(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    out = []
    for step in range(1, STEPS + 1):
        out.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return out[WARM_UP:]


last = STEPS - 1
json.dump({
    'steps': STEPS, 'rise': WARM_UP,
    'cosine': factors(lambda o: get_cosine_with_min_lr_schedule_with_warmup(o, WARM_UP, last, min_lr_rate=0.1)),
    'linear': factors(lambda o: get_linear_schedule_with_warmup(o, WARM_UP, last)),
    'constant': factors(lambda o: get_constant_schedule_with_warmup(o, WARM_UP)),
    'warm-stable-decay': factors(lambda o: get_wsd_schedule(o, num_warmup_steps=WARM_UP, num_stable_steps=80, num_decay_steps=20, decay_type='1-sqrt', min_lr_ratio=0)),
}, sys.stdout, separators=(',', ':'))
