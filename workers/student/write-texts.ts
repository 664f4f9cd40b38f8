// Knows: how a student writes: its weights in a generator of the engine.
// Must not know: where its weights were stored.
import { Generator } from '../../src/engine/generation/generator.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { Flat } from '../../src/engine/training/parameters.ts'
import { makeStudentWeights } from '../../src/engine/training/student-weights.ts'

/** Rows worked on together unless said otherwise. */
const BATCH = 8
/** Samples are looked at, not scored: this long is enough. */
const SAMPLE_TOKENS = 64

export interface WritingStudent {
  readonly shape: DecoderShape
  readonly weights: Flat
  readonly tokenizer: TextTokenizer
}

/** A generator on a student's weights, for so many rows together; release it when done. */
export const openWriter = (
  runtime: Runtime,
  { shape, weights, tokenizer }: WritingStudent,
  rows = BATCH,
): Promise<Generator> =>
  Generator.create(runtime, makeStudentWeights(shape, weights), tokenizer, {
    maxBatch: Math.max(1, rows),
    contextLength: shape.context,
  })

/** The same on weights that come from a file. */
export const openLoadedWriter = (
  runtime: Runtime,
  weights: LoadedWeights,
  tokenizer: TextTokenizer,
): Promise<Generator> => Generator.create(runtime, weights, tokenizer, { maxBatch: BATCH })

/** Greedy completions of prompts, in their order; an abort leaves the rest short. */
export async function writeSamples(
  runtime: Runtime,
  student: WritingStudent,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<string[]> {
  const texts = prompts.map(() => '')
  const writer = await openWriter(runtime, student, prompts.length)
  try {
    const sampling = {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      maxTokens: SAMPLE_TOKENS,
      stop: [],
      rngSeed: 'samples',
    }
    await writer.generate(
      prompts.map((tokens, i) => ({ id: String(i), tokens, sampling })),
      { signal, onResult: ({ id, text }) => (texts[Number(id)] = text) },
    )
  } finally {
    await writer.release()
  }
  return texts
}
