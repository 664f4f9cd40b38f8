// Knows: Qwen 3: Llama with norms of every head's queries and keys; the total width of its heads may differ from the
// model's width.
import type { Architecture } from './architecture.ts'

export const qwen3: Architecture = {
  name: 'qwen3',
  modelTypes: ['qwen3'],
  pairsRows: false,
  queryKeyNorm: true,
  activation: { kind: 'silu', named: 'silu' },
  defaults: { head_dim: 128, rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: false },
}
