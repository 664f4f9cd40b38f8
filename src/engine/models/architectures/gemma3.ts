// Knows: Gemma 3 for text: norms before and after every part and of queries and keys, a GELU gate, scaled embeddings,
// and a sliding window with its own RoPE base in five of six layers.
import type { Architecture } from './architecture.ts'

export const gemma3: Architecture = {
  name: 'gemma3',
  modelTypes: ['gemma3_text', 'gemma3'],
  pairsRows: false,
  queryKeyNorm: true,
  postNorms: true,
  activation: { kind: 'gelu', named: 'gelu_pytorch_tanh' },
  scalesEmbeddings: true,
  windows: { wholeEvery: 6, ropeTheta: 10_000, required: true, modelTypes: ['gemma3_text', 'gemma3'] },
  // The model with 27 billion parameters, recognised as in llama.cpp; its config.json has `query_pre_attn_scalar`.
  attentionScaleOf: { layers: 62, scale: ({ width, heads }) => 1 / Math.sqrt(width / heads) },
  normsLessOne: true,
  defaults: {
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    vocab_size: 262_208,
    max_position_embeddings: 131_072,
    query_pre_attn_scalar: 256,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    sliding_window: 4096,
    sliding_window_pattern: 6,
    tie_word_embeddings: true,
  },
}
