"""A small LlamaForSequenceClassification of transformers, trained for 6 steps on hard labels, on smoothed ones and on a teacher's
probabilities.

Usage: python classes.py > classes.json
Weights are by the formula of src/engine/checks/small.ts, in our order of parameters; rows and probabilities as in makeClassRows.
Each row runs through the model alone, so that no padding is involved.
"""
import json, math, sys
import torch
import torch.nn.functional as F
import transformers
from transformers import LlamaConfig, LlamaForSequenceClassification

L, C, H, HK, HD, FF, V, T, B, K = 2, 32, 4, 2, 8, 64, 61, 12, 3, 5
STEPS, LR, WARM, DECAY, CLIP = 20, 3e-3, 0.1, 0.1, 1.0
TEMPERATURE, SOFT, SMOOTHING = 2.0, 0.75, 0.1


def numbers(shape, seed, scale, offset):
    flat = [offset + scale * math.sin(12.9898 * (i + 1) + 78.233 * seed) for i in range(math.prod(shape))]
    return torch.tensor(flat, dtype=torch.float32).reshape(shape)


names = [('embedding', [V, C])]
for i in range(L):
    names += [(f'{i}.qkv', [C, (H + 2 * HK) * HD]), (f'{i}.output', [H * HD, C]), (f'{i}.gate', [C, FF]), (f'{i}.up', [C, FF]), (f'{i}.down', [FF, C])]
names += [('head', [K, C])]
for i in range(L):
    names += [(f'{i}.norm1', [C]), (f'{i}.norm2', [C])]
names += [('norm', [C])]


def make_model():
    W = {name: numbers(shape, i + 1, 0.15 if len(shape) == 2 else 0.2, 0.0 if len(shape) == 2 else 1.0) for i, (name, shape) in enumerate(names)}
    config = LlamaConfig(vocab_size=V, hidden_size=C, intermediate_size=FF, num_hidden_layers=L, num_attention_heads=H, num_key_value_heads=HK, head_dim=HD, rms_norm_eps=1e-5, rope_theta=10000.0, num_labels=K, max_position_embeddings=T, attention_dropout=0.0)
    model = LlamaForSequenceClassification(config)
    state = {'model.embed_tokens.weight': W['embedding'], 'model.norm.weight': W['norm'], 'score.weight': W['head']}
    for i in range(L):
        q, k, v = W[f'{i}.qkv'].split([H * HD, HK * HD, HK * HD], -1)
        at = f'model.layers.{i}.'
        state |= {at + 'self_attn.q_proj.weight': q.T, at + 'self_attn.k_proj.weight': k.T, at + 'self_attn.v_proj.weight': v.T, at + 'self_attn.o_proj.weight': W[f'{i}.output'].T,
                  at + 'mlp.gate_proj.weight': W[f'{i}.gate'].T, at + 'mlp.up_proj.weight': W[f'{i}.up'].T, at + 'mlp.down_proj.weight': W[f'{i}.down'].T,
                  at + 'input_layernorm.weight': W[f'{i}.norm1'], at + 'post_attention_layernorm.weight': W[f'{i}.norm2']}
    model.load_state_dict(state)
    return model


def rows_of(step):
    for r in range(B):
        length = 8 + (step + 2 * r) % 5
        yield [(5 * step + 17 * r + (3 + r) * i) % V for i in range(length)], (step + 2 * r) % K


def probabilities_of(step, r):
    z = torch.tensor([3 * math.sin(12.9898 * (r * K + k + 1) + 78.233 * step) for k in range(K)], dtype=torch.float64)
    return torch.softmax(z / TEMPERATURE, -1).float()


def rate(step):
    warm_up = round(STEPS * WARM)
    if step <= warm_up:
        return LR * step / warm_up
    done = (step - warm_up - 1) / (STEPS - warm_up - 1)
    return LR * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)


def run(soft=0.0, smoothing=0.0, steps=6):
    model = make_model()
    matrices, norms = [p for p in model.parameters() if p.dim() == 2], [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{'params': matrices, 'weight_decay': DECAY}, {'params': norms, 'weight_decay': 0.0}], lr=LR, betas=(0.9, 0.95), eps=1e-8)
    losses, norm_list = [], []
    for step in range(1, steps + 1):
        loss = 0.0
        for r, (tokens, label) in enumerate(rows_of(step)):
            logits = model(input_ids=torch.tensor([tokens])).logits[0]
            hard = F.cross_entropy(logits, torch.tensor(label), label_smoothing=smoothing)
            kl = F.kl_div(torch.log_softmax(logits / TEMPERATURE, -1), probabilities_of(step, r), reduction='sum')
            loss = loss + (soft * TEMPERATURE ** 2 * kl + (1 - soft) * hard) / B
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for group in optimizer.param_groups:
            group['lr'] = rate(step)
        optimizer.step()
        losses.append(loss.item())
        norm_list.append(norm.item())
    with torch.no_grad():
        after = [torch.softmax(model(input_ids=torch.tensor([tokens])).logits[0], -1).tolist() for tokens, _ in rows_of(steps + 1)]
    return {'losses': losses, 'norms': norm_list, 'embedding': model.model.embed_tokens.weight.flatten()[:8].tolist(), 'head': model.score.weight.flatten()[:8].tolist(), 'after': after}


json.dump({'torch': torch.__version__, 'transformers': transformers.__version__, 'hard': run(), 'smoothed': run(smoothing=SMOOTHING), 'soft': run(soft=1.0), 'both': run(soft=SOFT, smoothing=SMOOTHING)}, sys.stdout, separators=(',', ':'))
