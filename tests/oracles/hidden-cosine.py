"""Steps of the small decoder of train-step.py on a teacher's probabilities and hidden states: the cosine loss of DistilBERT in PyTorch.

Usage: python hidden-cosine.py > hidden-cosine.json
The teacher's state at position p (of B · T) of a step is 2 · sin(12.9898 (p · C + j + 1) + 78.233 (step + 100)), rounded to 32-bit
floats; the loss uses its stored form, scaled to a root mean square of 1 and rounded to 16-bit floats.
"""
import json, math, sys
from pathlib import Path
import torch
import torch.nn.functional as F

# The decoder, its rows, its teacher and its learning rate, without the training runs of that file.
source = (Path(__file__).parent / 'train-step.py').read_text().split("# torch's own Newton-Schulz")[0]
exec(source)

HIDDEN_SHARE = 1.5


def states_of(step):
    flat = torch.tensor([2 * math.sin(12.9898 * (i + 1) + 78.233 * (step + 100)) for i in range(B * T * C)], dtype=torch.float32).reshape(B * T, C)
    return (flat.double() * math.sqrt(C) / flat.double().norm(dim=-1, keepdim=True)).half().float()


def hidden_of(ids):
    """Logits, and the hidden states before the head."""
    head = W['embedding']
    x = {}
    def keep(normed):
        x['hidden'] = normed
    original = globals()['rms']
    def watch(value, weight):
        out = original(value, weight)
        if weight is W['norm']:
            keep(out)
        return out
    globals()['rms'] = watch
    logits = forward(ids)
    globals()['rms'] = original
    assert torch.allclose(logits, x['hidden'] @ head.T)
    return logits, x['hidden']


def run_hidden(divergence, steps=8):
    reset()
    optimizers = [adam_w([w for w in W.values() if w.dim() == 2], DECAY), adam_w([w for w in W.values() if w.dim() == 1], 0.0)]
    cosine = torch.nn.CosineEmbeddingLoss()
    losses, norms, cosines = [], [], []
    for step in range(1, steps + 1):
        ids, targets = batch(step)
        logits, hidden = hidden_of(ids)
        counts = targets != -100
        distance = cosine(hidden.reshape(-1, C)[counts], states_of(step)[counts], torch.ones(int(counts.sum())))
        loss = distil(logits.reshape(-1, V), targets, step, divergence) + HIDDEN_SHARE * distance
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(W.values()), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group['lr'] = rate(step)
            optimizer.step()
        losses.append(loss.item())
        norms.append(norm.item())
        cosines.append(distance.item())
    return {'losses': losses, 'norms': norms, 'cosines': cosines, 'final': {name: W[name].flatten()[:8].tolist() for name in ('embedding', '1.qkv', '1.down', 'norm')}}


json.dump({'torch': torch.__version__, **{kind: run_hidden(kind) for kind in ('forward-kl', 'reverse-kl')}}, sys.stdout, separators=(',', ':'))
