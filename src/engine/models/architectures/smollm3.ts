// Knows: SmolLM 3: Llama without RoPE in every fourth layer. GGUF files do not state it; llama.cpp has the four in its
// code.
import type { Architecture } from './architecture.ts'

export const smollm3: Architecture = {
  name: 'smollm3',
  modelTypes: ['smollm3'],
  pairsRows: true,
  activation: { kind: 'silu', named: 'silu' },
  noRopeEvery: 4,
  defaults: { rms_norm_eps: 1e-6, rope_theta: 2_000_000, tie_word_embeddings: true },
}
