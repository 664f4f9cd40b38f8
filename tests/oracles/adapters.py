"""LoRA by peft on a small Llama of transformers, trained for 6 steps in PyTorch, from weights, adapters and batches that the
TypeScript test computes by the same formula.

Usage: python adapters.py > adapters.json
The decoder's parameters are those of train-step.py; adapter matrix i (layer by layer, q v output gate down, A before B) is
makeNumbers(count, 100 + i, 0.2 for A and 0.1 for B) of src/engine/checks/numbers.ts, in our form: A [in, rank], B [rank, out].
"""
import json, math, sys
import peft, torch
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM

L, C, H, HK, HD, FF, V, T, B = 2, 32, 4, 2, 8, 64, 61, 12, 3
STEPS, LR, WARM, DECAY, CLIP = 20, 3e-3, 0.1, 0.1, 1.0
RANK, ALPHA, TARGETS = 4, 6, ['q_proj', 'v_proj', 'o_proj', 'gate_proj', 'down_proj']


def numbers(shape, seed, scale, offset=0.0):
    return torch.tensor([offset + scale * math.sin(12.9898 * (i + 1) + 78.233 * seed) for i in range(math.prod(shape))], dtype=torch.float32).reshape(shape)


names = [('embedding', [V, C])]
for i in range(L):
    names += [(f'{i}.qkv', [C, (H + 2 * HK) * HD]), (f'{i}.output', [H * HD, C]), (f'{i}.gate', [C, FF]), (f'{i}.up', [C, FF]), (f'{i}.down', [FF, C])]
for i in range(L):
    names += [(f'{i}.norm1', [C]), (f'{i}.norm2', [C])]
names += [('norm', [C])]
W = {name: numbers(shape, i + 1, 0.15 if len(shape) == 2 else 0.2, 0.0 if len(shape) == 2 else 1.0) for i, (name, shape) in enumerate(names)}

config = LlamaConfig(hidden_size=C, intermediate_size=FF, num_hidden_layers=L, num_attention_heads=H, num_key_value_heads=HK, head_dim=HD,
                     vocab_size=V, max_position_embeddings=T, rms_norm_eps=1e-5, tie_word_embeddings=True, rope_theta=10000.0)
model = LlamaForCausalLM(config)
state = {'model.embed_tokens.weight': W['embedding'], 'lm_head.weight': W['embedding'], 'model.norm.weight': W['norm']}
for i in range(L):
    q, k, v = W[f'{i}.qkv'].split([H * HD, HK * HD, HK * HD], -1)
    at = f'model.layers.{i}'
    for name, w in (('self_attn.q_proj', q), ('self_attn.k_proj', k), ('self_attn.v_proj', v), ('self_attn.o_proj', W[f'{i}.output']),
                    ('mlp.gate_proj', W[f'{i}.gate']), ('mlp.up_proj', W[f'{i}.up']), ('mlp.down_proj', W[f'{i}.down'])):
        state[f'{at}.{name}.weight'] = w.T.contiguous()
    state[f'{at}.input_layernorm.weight'] = W[f'{i}.norm1']
    state[f'{at}.post_attention_layernorm.weight'] = W[f'{i}.norm2']
model.load_state_dict(state)
model = peft.get_peft_model(model, peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, lora_dropout=0.0, bias='none'))
adapters = []
parameters = dict(model.named_parameters())
with torch.no_grad():
    for i in range(L):
        for target in TARGETS:
            part = 'self_attn' if target in ('q_proj', 'v_proj', 'o_proj') else 'mlp'
            for side, scale in (('A', 0.2), ('B', 0.1)):
                p = parameters[f'base_model.model.model.layers.{i}.{part}.{target}.lora_{side}.default.weight']
                p.copy_(numbers(list(p.T.shape), 100 + len(adapters), scale).T)
                adapters.append(p)


def rows_of(step):
    for r in range(B):
        length, prompt = 8 + (step + 2 * r) % 5, 2 + (step + r) % 3
        yield [(5 * step + 17 * r + (3 + r) * i) % V for i in range(length + 1)], prompt


def rate(step):
    warm_up = round(STEPS * WARM)
    return LR * step / warm_up if step <= warm_up else LR * (0.1 + 0.9 * (1 + math.cos(math.pi * (step - warm_up - 1) / (STEPS - warm_up - 1))) / 2)


optimizer = torch.optim.AdamW(adapters, lr=LR, betas=(0.9, 0.95), eps=1e-8, weight_decay=DECAY)
losses, norms = [], []
for step in range(1, 7):
    ids, targets = torch.zeros(B, T, dtype=torch.long), torch.full((B, T), -100)
    for r, (tokens, prompt) in enumerate(rows_of(step)):
        ids[r, :len(tokens) - 1] = torch.tensor(tokens[:-1])
        targets[r, prompt - 1:len(tokens) - 1] = torch.tensor(tokens[prompt:])
    loss = F.cross_entropy(model(input_ids=ids).logits.reshape(-1, V), targets.reshape(-1), ignore_index=-100)
    optimizer.zero_grad()
    loss.backward()
    norms.append(torch.nn.utils.clip_grad_norm_(adapters, CLIP).item())
    for group in optimizer.param_groups:
        group['lr'] = rate(step)
    optimizer.step()
    losses.append(loss.item())
final = [p.T.flatten()[:4].tolist() for p in adapters]
json.dump({'peft': peft.__version__, 'losses': losses, 'norms': norms, 'final': final}, sys.stdout, separators=(',', ':'))
