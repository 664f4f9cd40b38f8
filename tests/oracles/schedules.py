"""Learning-rate factors of transformers' schedules after the rise, for 121 steps of which 20 rise.

Usage: python schedules.py > schedules.json
Their last factor is that of step `num_training_steps`, ours that of the last step: hence 120. Their rise begins at 0, ours at 1 / 20.
"""
import json, sys
import torch
from transformers import get_constant_schedule_with_warmup, get_cosine_with_min_lr_schedule_with_warmup, get_linear_schedule_with_warmup, get_wsd_schedule

STEPS, RISE = 121, 20


def factors(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    out = []
    for step in range(1, STEPS + 1):
        out.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return out[RISE:]


last = STEPS - 1
json.dump({
    'steps': STEPS, 'rise': RISE,
    'cosine': factors(lambda o: get_cosine_with_min_lr_schedule_with_warmup(o, RISE, last, min_lr_rate=0.1)),
    'linear': factors(lambda o: get_linear_schedule_with_warmup(o, RISE, last)),
    'constant': factors(lambda o: get_constant_schedule_with_warmup(o, RISE)),
    'warm-stable-decay': factors(lambda o: get_wsd_schedule(o, num_warmup_steps=RISE, num_stable_steps=80, num_decay_steps=20, decay_type='1-sqrt', min_lr_ratio=0)),
}, sys.stdout, separators=(',', ':'))
