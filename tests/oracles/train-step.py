"""A small Llama decoder trained for 20 steps in PyTorch, from weights and batches that the TypeScript test computes alike.

Usage: python train-step.py > train-step.json
Written from the architecture, not from our graph: separate heads, repeated keys, torch's own attention, AdamW and clipping.
Parameter i (from 0, in the order below) is makeNumbers(count, i + 1, scale, offset) of tests/engine/numbers.ts.
"""
import json, math, sys
import torch
import torch.nn.functional as F

L, C, H, HK, HD, FF, V, T, B = 2, 32, 4, 2, 8, 64, 61, 12, 3
STEPS, LR, WARM, DECAY, CLIP, THETA, EPS = 20, 3e-3, 0.1, 0.1, 1.0, 10000.0, 1e-5


def numbers(shape, seed, scale, offset):
    flat = [offset + scale * math.sin(12.9898 * (i + 1) + 78.233 * seed) for i in range(math.prod(shape))]
    return torch.tensor(flat, dtype=torch.float32).reshape(shape)


names = [('embedding', [V, C])]
for i in range(L):
    names += [(f'{i}.qkv', [C, (H + 2 * HK) * HD]), (f'{i}.output', [H * HD, C]), (f'{i}.gate', [C, FF]), (f'{i}.up', [C, FF]), (f'{i}.down', [FF, C])]
for i in range(L):
    names += [(f'{i}.norm1', [C]), (f'{i}.norm2', [C])]
names += [('norm', [C])]
W = {name: numbers(shape, i + 1, 0.15 if len(shape) == 2 else 0.2, 0.0 if len(shape) == 2 else 1.0).requires_grad_() for i, (name, shape) in enumerate(names)}


def rms(x, w):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * w


def rotate(x):  # [B, heads, T, HD], Hugging Face's half-split order
    half = HD // 2
    angle = torch.arange(T)[:, None] / THETA ** (torch.arange(half) * 2 / HD)[None, :]
    cos, sin = torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * cos + turned * sin


def heads(x, n):
    return x.reshape(B, T, n, HD).transpose(1, 2)


def forward(ids):
    x = W['embedding'][ids]
    for i in range(L):
        h = rms(x, W[f'{i}.norm1'])
        q, k, v = (h @ W[f'{i}.qkv']).split([H * HD, HK * HD, HK * HD], -1)
        q, k, v = rotate(heads(q, H)), rotate(heads(k, HK)), heads(v, HK)
        k, v = k.repeat_interleave(H // HK, 1), v.repeat_interleave(H // HK, 1)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + a.transpose(1, 2).reshape(B, T, H * HD) @ W[f'{i}.output']
        h = rms(x, W[f'{i}.norm2'])
        x = x + (F.silu(h @ W[f'{i}.gate']) * (h @ W[f'{i}.up'])) @ W[f'{i}.down']
    return rms(x, W['norm']) @ W['embedding'].T


def rows_of(step):
    """Row r: tokens (a + b·i) mod V with a pattern that can be learned; prompt and length differ from row to row."""
    for r in range(B):
        length = 8 + (step + 2 * r) % 5
        prompt = 2 + (step + r) % 3
        yield [(5 * step + 17 * r + (3 + r) * i) % V for i in range(length + 1)], prompt


def rate(step):
    rise = round(STEPS * WARM)
    if step <= rise:
        return LR * step / rise
    done = (step - rise - 1) / (STEPS - rise - 1)
    return LR * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)


matrices = [w for w in W.values() if w.dim() == 2]
norms = [w for w in W.values() if w.dim() == 1]
optimizer = torch.optim.AdamW([{'params': matrices, 'weight_decay': DECAY}, {'params': norms, 'weight_decay': 0.0}], lr=LR, betas=(0.9, 0.95), eps=1e-8)
losses, norm_list = [], []
for step in range(1, STEPS + 1):
    ids = torch.zeros(B, T, dtype=torch.long)
    targets = torch.full((B, T), -100)
    for r, (tokens, prompt) in enumerate(rows_of(step)):
        n = len(tokens) - 1
        ids[r, :n] = torch.tensor(tokens[:-1])
        targets[r, prompt - 1:n] = torch.tensor(tokens[prompt:])
    loss = F.cross_entropy(forward(ids).reshape(-1, V), targets.reshape(-1), ignore_index=-100)
    optimizer.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(list(W.values()), CLIP)
    for group in optimizer.param_groups:
        group['lr'] = rate(step)
    optimizer.step()
    losses.append(loss.item())
    norm_list.append(norm.item())
final = {name: W[name].flatten()[:8].tolist() for name in ('embedding', '1.qkv', '1.down', 'norm')}
json.dump({'torch': torch.__version__, 'losses': losses, 'norms': norm_list, 'final': final}, sys.stdout, separators=(',', ':'))
