"""A small Llama decoder trained for 20 steps in PyTorch, from weights and batches that the TypeScript test computes by the same
formula; and for 10 steps with each of the options of a step.

Usage: python train-step.py > train-step.json
Written from the architecture, not from our graph: separate heads, repeated keys, torch's own attention, AdamW and clipping.
Parameter i (from 0, in the order below) is makeNumbers(count, i + 1, scale, offset) of src/engine/checks/numbers.ts.
"""
import inspect, json, math, sys
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
W = {}


def rms(x, w):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * w


def rotate(x):  # [B, heads, T, HD], Hugging Face's half-split order
    half = HD // 2
    angle = torch.arange(T)[:, None] / THETA ** (torch.arange(half) * 2 / HD)[None, :]
    cos, sin = torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()
    rotated = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * cos + rotated * sin


def heads(x, n):
    return x.reshape(B, T, n, HD).transpose(1, 2)


def forward(ids, masks=None):
    drop = lambda x, site: x * masks[site] if masks else x
    x = W['embedding'][ids]
    for i in range(L):
        h = rms(x, W[f'{i}.norm1'])
        q, k, v = (h @ W[f'{i}.qkv']).split([H * HD, HK * HD, HK * HD], -1)
        q, k, v = rotate(heads(q, H)), rotate(heads(k, HK)), heads(v, HK)
        k, v = k.repeat_interleave(H // HK, 1), v.repeat_interleave(H // HK, 1)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + drop(a.transpose(1, 2).reshape(B, T, H * HD) @ W[f'{i}.output'], 2 * i)
        h = rms(x, W[f'{i}.norm2'])
        x = x + drop((F.silu(h @ W[f'{i}.gate']) * (h @ W[f'{i}.up'])) @ W[f'{i}.down'], 2 * i + 1)
    return rms(x, W['norm']) @ W['embedding'].T


def rows_of(step):
    """Row r: tokens (a + b·i) mod V, a pattern that can be learned; prompt and length differ per row."""
    for r in range(B):
        length = 8 + (step + 2 * r) % 5
        prompt = 2 + (step + r) % 3
        yield [(5 * step + 17 * r + (3 + r) * i) % V for i in range(length + 1)], prompt


def rate(step):
    warm_up = round(STEPS * WARM)
    if step <= warm_up:
        return LR * step / warm_up
    done = (step - warm_up - 1) / (STEPS - warm_up - 1)
    return LR * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)


def batch(step):
    ids = torch.zeros(B, T, dtype=torch.long)
    targets = torch.full((B, T), -100)
    for r, (tokens, prompt) in enumerate(rows_of(step)):
        n = len(tokens) - 1
        ids[r, :n] = torch.tensor(tokens[:-1])
        targets[r, prompt - 1:n] = torch.tensor(tokens[prompt:])
    return ids, targets.reshape(-1)


def make_masks(step, share=0.25):
    """Dropout masks from a generator of 32-bit words, two entries per word, the high half first; in the order of the layers."""
    word, limit = 7919 * step, round(share * 65536)
    for _ in range(2 * L):
        flat = []
        while len(flat) < B * T * C:
            word = (word * 1664525 + 1013904223) % 2 ** 32
            flat += [0 if half < limit else 1 / (1 - share) for half in (word >> 16, word & 0xFFFF)]
        yield torch.tensor(flat, dtype=torch.float32).reshape(B, T, C)


TEMPERATURE, TOP_K, TEXT_SHARE = 2.0, 5, 0.25


def teacher_of(step):
    """A teacher by formula: its top-5 tokens at each position and the remaining mass, at the temperature."""
    z = 3 * torch.tensor([math.sin(12.9898 * (i + 1) + 78.233 * step) for i in range(B * T * V)], dtype=torch.float64).reshape(B * T, V)
    p, ids = torch.softmax(z / TEMPERATURE, -1).topk(TOP_K)
    return ids, torch.cat([p, 1 - p.sum(-1, keepdim=True)], -1)


def distil(logits, targets, step, kind):
    """(1 - share) T^2 divergence + share cross-entropy, the mean over what counts; with torch's own gradients."""
    ids, p = teacher_of(step)
    q = torch.softmax(logits / TEMPERATURE, -1).gather(-1, ids)
    q = torch.cat([q, 1 - q.sum(-1, keepdim=True)], -1).clamp(min=1e-9)
    p = p.float().clamp(min=1e-9)
    m = (p + q) / 2
    kl = lambda a, b: (a * (a / b).log()).sum(-1)
    soft = {'forward-kl': lambda: kl(p, q), 'reverse-kl': lambda: kl(q, p), 'jensen-shannon': lambda: (kl(p, m) + kl(q, m)) / 2}[kind]()
    text = F.cross_entropy(logits, targets, ignore_index=-100, reduction='none')
    counts = targets != -100
    return ((1 - TEXT_SHARE) * TEMPERATURE ** 2 * soft + TEXT_SHARE * text)[counts].mean()


def reset():
    for i, (name, shape) in enumerate(names):
        W[name] = numbers(shape, i + 1, 0.15 if len(shape) == 2 else 0.2, 0.0 if len(shape) == 2 else 1.0).requires_grad_()


def adam_w(parameters, decay):
    return torch.optim.AdamW(parameters, lr=LR, betas=(0.9, 0.95), eps=1e-8, weight_decay=decay)


def run(steps, muon=False, smoothing=0.0, dropout=False, averaging=None, divergence=None):
    """Losses, norms and some weights of a training run; with averaging, the loss of the averaged weights on the next batch."""
    reset()
    matrices = [w for name, w in W.items() if w.dim() == 2 and not (muon and name != 'embedding')]
    optimizers = [adam_w(matrices, DECAY), adam_w([w for w in W.values() if w.dim() == 1], 0.0)]
    if muon:
        inner = [w for name, w in W.items() if w.dim() == 2 and name != 'embedding']
        optimizers.append(torch.optim.Muon(inner, lr=LR, weight_decay=DECAY, momentum=0.95, nesterov=True, adjust_lr_fn='match_rms_adamw'))
    average = {name: w.detach().clone() for name, w in W.items()}
    losses, norm_list = [], []
    for step in range(1, steps + 1):
        ids, targets = batch(step)
        masks = list(make_masks(step)) if dropout else None
        logits = forward(ids, masks).reshape(-1, V)
        loss = distil(logits, targets, step, divergence) if divergence else F.cross_entropy(logits, targets, ignore_index=-100, label_smoothing=smoothing)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(W.values()), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group['lr'] = rate(step)
            optimizer.step()
        if averaging is not None:
            decay = min(averaging, (1 + step) / (10 + step))
            for name, w in W.items():
                average[name].lerp_(w.detach(), 1 - decay)
        losses.append(loss.item())
        norm_list.append(norm.item())
    out = {'losses': losses, 'norms': norm_list, 'final': {name: W[name].flatten()[:8].tolist() for name in ('embedding', '1.qkv', '1.down', 'norm')}}
    if averaging is not None:
        W.update(average)
        ids, targets = batch(steps + 1)
        out['averaged'] = F.cross_entropy(forward(ids).reshape(-1, V), targets, ignore_index=-100).item()
    return out


def pairs_of(step):
    """The rows of one step as chosen answers, each with a rejected one: the same prompt, other tokens, one token less."""
    for tokens, prompt in rows_of(step):
        yield tokens, tokens[:prompt] + [(7 * t + 11 + i) % V for i, t in enumerate(tokens[prompt:-1])], prompt


BETA, MARGIN, DRIFT = 0.5, 0.4, 0.3


def answer_log_probs(rows):
    """Sum and mean of the log-probabilities of each row's answer."""
    ids = torch.zeros(B, T, dtype=torch.long)
    for r, (tokens, _) in enumerate(rows):
        ids[r, :len(tokens) - 1] = torch.tensor(tokens[:-1])
    logs = torch.log_softmax(forward(ids), -1)
    each = [logs[r, prompt - 1:len(tokens) - 1].gather(-1, torch.tensor(tokens[prompt:])[:, None])[:, 0] for r, (tokens, prompt) in enumerate(rows)]
    return torch.stack([row.sum() for row in each]), torch.stack([row.mean() for row in each])


def prefer(kind, steps=6):
    """The losses of TRL: DPOTrainer (sigmoid), CPOTrainer (simpo, cpo_alpha 0), ORPOTrainer, KTOTrainer."""
    reset()
    optimizers = [adam_w([w for w in W.values() if w.dim() == 2], DECAY), adam_w([w for w in W.values() if w.dim() == 1], 0.0)]
    losses, norm_list = [], []
    for step in range(1, steps + 1):
        rows = list(pairs_of(step))
        (c, c_mean), (r, r_mean) = answer_log_probs([(a, p) for a, _, p in rows]), answer_log_probs([(b, p) for _, b, p in rows])
        at = torch.arange(B)
        ref_c, ref_r = -30.0 + at, -28.0 - 0.5 * at
        if kind == 'dpo':
            loss = -F.logsigmoid(BETA * ((c - r) - (ref_c - ref_r)))
        elif kind == 'simpo':
            loss = -F.logsigmoid(BETA * (c_mean - r_mean - MARGIN))
        elif kind == 'orpo':
            odds = (c_mean - r_mean) - (torch.log1p(-torch.exp(c_mean)) - torch.log1p(-torch.exp(r_mean)))
            loss = -c_mean - BETA * F.logsigmoid(odds)
        else:
            loss = (1 - torch.sigmoid(BETA * (c - ref_c - DRIFT)) + 1 - torch.sigmoid(BETA * (DRIFT - (r - ref_r)))) / 2
        loss = loss.mean()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(W.values()), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group['lr'] = rate(step)
            optimizer.step()
        losses.append(loss.item())
        norm_list.append(norm.item())
    return {'losses': losses, 'norms': norm_list, 'final': {name: W[name].flatten()[:8].tolist() for name in ('embedding', '1.qkv', '1.down', 'norm')}}


EPSILON, POLICY_BETA = 0.2, 0.1


def reinforce(steps=6):
    """The loss of TRL's GRPOTrainer (loss_type dapo): a mean over all tokens of the step, clipped ratios, the k3 divergence."""
    reset()
    optimizers = [adam_w([w for w in W.values() if w.dim() == 2], DECAY), adam_w([w for w in W.values() if w.dim() == 1], 0.0)]
    losses, norm_list = [], []
    for step in range(1, steps + 1):
        rows = list(rows_of(step))
        ids = torch.zeros(B, T, dtype=torch.long)
        for r, (tokens, _) in enumerate(rows):
            ids[r, :len(tokens) - 1] = torch.tensor(tokens[:-1])
        logs = torch.log_softmax(forward(ids), -1)
        each = [logs[r, prompt - 1:len(tokens) - 1].gather(-1, torch.tensor(tokens[prompt:])[:, None])[:, 0] for r, (tokens, prompt) in enumerate(rows)]
        rewards = torch.tensor([1.0, 0.0, 0.25 * step])
        advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
        total, count = 0.0, 0
        for r, logp in enumerate(each):
            i = torch.arange(len(logp))
            old = logp.detach() + 0.3 * torch.sin(1.0 + i + 3 * r)
            ref = logp.detach() + 0.2 * torch.sin(2.0 + i + r)
            ratio = torch.exp(logp - old)
            part = -torch.min(ratio * advantages[r], ratio.clamp(1 - EPSILON, 1 + EPSILON) * advantages[r])
            part = part + POLICY_BETA * (torch.exp(ref - logp) - (ref - logp) - 1)
            total, count = total + part.sum(), count + len(logp)
        loss = total / count
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(W.values()), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group['lr'] = rate(step)
            optimizer.step()
        losses.append(loss.item())
        norm_list.append(norm.item())
    return {'losses': losses, 'norms': norm_list, 'final': {name: W[name].flatten()[:8].tolist() for name in ('embedding', '1.qkv', '1.down', 'norm')}}


# torch's own Newton-Schulz in its own order, but in 32-bit floats as in the browser, not in bfloat16.
import torch.optim._muon as own
source = inspect.getsource(own._zeropower_via_newtonschulz).replace('torch.bfloat16', 'torch.float32')
exec(source, own.__dict__)

out = {'torch': torch.__version__, **run(STEPS)}
out['variants'] = {'muon': run(10, muon=True), 'smoothing': run(10, smoothing=0.1), 'dropout': run(10, dropout=True), 'averaging': run(10, averaging=0.9),
                   **{kind: run(8, divergence=kind) for kind in ('forward-kl', 'reverse-kl', 'jensen-shannon')}}
out['preferences'] = {kind: prefer(kind) for kind in ('dpo', 'simpo', 'orpo', 'kto')}
out['policy'] = reinforce()
json.dump(out, sys.stdout, separators=(',', ':'))
