// Knows: the architectures that the decoder supports. To add one, add a file and a line, and its new features to the
// decoder.
import type { Architecture } from './architecture.ts'
import { gemma3 } from './gemma3.ts'
import { llama } from './llama.ts'
import { qwen2 } from './qwen2.ts'
import { qwen3 } from './qwen3.ts'
import { smollm3 } from './smollm3.ts'

export { linearFactors, llama3Factors, makeShape } from './architecture.ts'
export type { Architecture } from './architecture.ts'

export const ARCHITECTURES: readonly Architecture[] = [llama, qwen2, qwen3, smollm3, gemma3]

/** The architecture of this name in GGUF files. */
export const findArchitecture = (name: string): Architecture | undefined =>
  ARCHITECTURES.find((known) => known.name === name)

/** The architecture of this `model_type` in a config.json. */
export const findModelType = (type: string): Architecture | undefined =>
  ARCHITECTURES.find(({ modelTypes }) => modelTypes.includes(type))
