"""What transformers computes with tiny models of every supported architecture, and how llama.cpp's `gguf` package names their tensors
and numbers.

    python tests/oracles/architectures.py > tests/oracles/architectures.json

Needs torch, transformers and gguf. No weights are saved: the tensor `name` has, element by element in Hugging Face's order, the
numbers that `fill` computes from its name, as does tests/engine/small-architectures.ts. Saved of the logits at every position: some
of them, the logarithm of the sum of their exponentials and the mean of their squares.
"""
import json, sys
import gguf
import numpy as np
import torch
from transformers import (Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM, SmolLM3Config, SmolLM3ForCausalLM)

VOCABULARY = 80
PLACES = [3, 17, 29, 31, 44, 52, 67, 79]
OPENING = [(i * i * 7 + 3 * i + 5) % VOCABULARY for i in range(12)]
TEXTS = [OPENING + [(i * 31 + 11) % VOCABULARY for i in range(24)], OPENING + [(i * 13 + 40) % VOCABULARY for i in range(11)]]


def fill(name, shape, less_one):
    """Pseudo-random numbers that are the same everywhere: a linear congruential generator seeded by the name."""
    state = 2166136261
    for letter in name.encode():
        state = ((state ^ letter) * 16777619) & 0xFFFFFFFF
    count = int(np.prod(shape))
    values = np.empty(count)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values[i] = state / 2147483648 - 1
    if name.endswith('norm.weight'):
        values = values * 0.3 + (0 if less_one else 1)
    elif name.endswith('.bias'):
        values = values * 0.5
    else:
        values = values * (1 if 'embed_tokens' in name else 1.6 / np.sqrt(shape[1]))
    return torch.tensor(values.astype(np.float32).reshape(shape))


SIZES = dict(vocab_size=VOCABULARY, hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256)
LLAMA3 = dict(rope_type='llama3', rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
GEMMA_ROPE = dict(sliding_attention=dict(rope_type='default', rope_theta=10000.0), full_attention=dict(rope_type='linear', factor=8.0, rope_theta=1000000.0))
MODELS = {
    'llama with factors of RoPE and a head of its own': ('LLAMA', LlamaForCausalLM, LlamaConfig(**SIZES, num_hidden_layers=2, rope_parameters=LLAMA3)),
    'llama with positions stretched evenly': ('LLAMA', LlamaForCausalLM, LlamaConfig(**SIZES, num_hidden_layers=2, tie_word_embeddings=True, rope_parameters=dict(rope_type='linear', factor=4.0, rope_theta=10000.0))),
    'mistral with a window': ('LLAMA', MistralForCausalLM, MistralConfig(**SIZES, num_hidden_layers=2, head_dim=16, sliding_window=7)),
    'qwen2': ('QWEN2', Qwen2ForCausalLM, Qwen2Config(**SIZES, num_hidden_layers=2)),
    'qwen3 with wide heads': ('QWEN3', Qwen3ForCausalLM, Qwen3Config(**SIZES, num_hidden_layers=2, head_dim=32, tie_word_embeddings=True)),
    'smollm3': ('SMOLLM3', SmolLM3ForCausalLM, SmolLM3Config(**{**SIZES, 'vocab_size': VOCABULARY}, num_hidden_layers=5, pad_token_id=0, bos_token_id=1, eos_token_id=2)),
    'gemma3': ('GEMMA3', Gemma3ForCausalLM, Gemma3TextConfig(**SIZES, num_hidden_layers=7, head_dim=16, query_pre_attn_scalar=16, sliding_window=9, rope_parameters=GEMMA_ROPE)),
    'gemma3 with a scale and layers of its own': (None, Gemma3ForCausalLM, Gemma3TextConfig(**SIZES, num_hidden_layers=3, head_dim=32, query_pre_attn_scalar=24, sliding_window=5, layer_types=['full_attention', 'sliding_attention', 'full_attention'])),
}


def describe_gguf(kind, config, names):
    """The keys that llama.cpp's converter writes, by the package's own writer, and its tensor names."""
    arch = gguf.MODEL_ARCH[kind]
    writer = gguf.GGUFWriter(None, gguf.MODEL_ARCH_NAMES[arch])
    head = getattr(config, 'head_dim', None) or config.hidden_size // config.num_attention_heads
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters.get('full_attention', config.rope_parameters)
    writer.add_rope_freq_base(rope['rope_theta'])
    if rope.get('rope_type') == 'linear':
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope['factor'])
    if kind in ('QWEN3', 'GEMMA3') or getattr(config, 'head_dim', None):
        writer.add_key_length(head)
        writer.add_value_length(head)
    if kind in ('LLAMA', 'SMOLLM3'):
        writer.add_rope_dimension_count(head)
    if kind in ('GEMMA3', 'LLAMA') and getattr(config, 'sliding_window', None):
        writer.add_sliding_window(config.sliding_window)
    keys = {key: [value.type.name, value.value] for part in writer.kv_data for key, value in part.items()}
    table = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    return {'metadata': keys, 'names': {name: table.get_name(name, try_suffixes=('.weight', '.bias')) for name in names if '.layers.' not in name or '.layers.0.' in name}}


out = {'places': PLACES, 'texts': TEXTS, 'models': {}}
for title, (kind, model_class, config) in MODELS.items():
    config._attn_implementation = 'eager'
    model = model_class(config).float().eval()
    gemma = model_class is Gemma3ForCausalLM
    tied = config.tie_word_embeddings
    tensors = {name: list(tensor.shape) for name, tensor in model.state_dict().items() if not (tied and name == 'lm_head.weight')}
    model.load_state_dict({name: fill(name, shape, gemma) for name, shape in tensors.items()}, strict=not tied)
    model.tie_weights()
    saved = []
    for tokens in TEXTS:
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0].double()
        saved.append({
            'logSumExp': [round(x, 6) for x in logits.logsumexp(-1).tolist()],
            'meanSquare': [round(x, 6) for x in (logits ** 2).mean(-1).tolist()],
            'chosen': [[round(x, 5) for x in row] for row in logits[:, PLACES].tolist()],
        })
    plain = {key: value for key, value in config.to_dict().items() if value is not None and not key.startswith(('_', 'id2', 'label2')) and key not in ('transformers_version', 'chunk_size_feed_forward', 'output_attentions', 'output_hidden_states', 'return_dict', 'problem_type', 'architectures', 'is_encoder_decoder')}
    first = {name: shape for name, shape in tensors.items() if '.layers.' not in name or '.layers.0.' in name}  # all layers are alike
    rope = {}
    if config.rope_parameters.get('rope_type') == 'llama3':
        pairs = torch.arange(0, 16, 2).double() / 16
        rope = {'ropeFactors': (500000.0 ** -pairs / model.model.rotary_emb.inv_freq.double()).tolist()}
    out['models'][title] = {'config': plain, 'tensors': first, 'lessOne': gemma, **rope, **({} if kind is None else {'gguf': describe_gguf(kind, config, tensors)}), 'texts': saved}
json.dump(out, sys.stdout, separators=(',', ':'))
