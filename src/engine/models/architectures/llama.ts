// Knows: Llama 1 to 3 and models of the same form: SmolLM, TinyLlama, Mistral (with its window, if it has one).
import type { Architecture } from './architecture.ts'

export const llama: Architecture = {
  name: 'llama',
  modelTypes: ['llama', 'mistral'],
  pairsRows: true,
  storesRopeFactors: true,
  activation: { kind: 'silu', named: 'silu' },
  windows: { wholeEvery: 0, required: false, modelTypes: ['mistral'] },
  defaults: { rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: false },
}
