// Knows: Qwen 2 and 2.5: Llama with biases at q, k and v.
import type { Architecture } from './architecture.ts'

export const qwen2: Architecture = {
  name: 'qwen2',
  modelTypes: ['qwen2'],
  pairsRows: false,
  qkvBias: true,
  activation: { kind: 'silu', named: 'silu' },
  defaults: { rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: false },
}
