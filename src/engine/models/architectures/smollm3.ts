// Knows: SmolLM 3: Llama whose every fourth layer knows no positions. GGUF files do not say so; llama.cpp has the four in its code.
import type { Architecture } from './architecture.ts'

export const smollm3: Architecture = {
  name: 'smollm3',
  modelTypes: ['smollm3'],
  pairsRows: true,
  activation: { kind: 'silu', named: 'silu' },
  unturnedEvery: 4,
  defaults: { rms_norm_eps: 1e-6, rope_theta: 2_000_000, tie_word_embeddings: true },
}
