// Knows: how a student generates text: its weights in a generator of the engine.
// Must not know: where its weights are stored.
import { Generator } from '../../src/engine/generation/generator.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { Flat } from '../../src/engine/training/parameters.ts'
import { makeStudentWeights } from '../../src/engine/training/student-weights.ts'

/** Default batch size. */
const DEFAULT_BATCH = 8
/** Samples are read by a person, not scored: this length is enough. */
const SAMPLE_TOKENS = 64

export interface StudentModel {
  readonly shape: DecoderShape
  readonly weights: Flat
  readonly tokenizer: TextTokenizer
}

/** A generator with a student's weights, for at most `maxBatch` rows at once; release it when done. */
export const openGenerator = (
  runtime: Runtime,
  { shape, weights, tokenizer }: StudentModel,
  maxBatch = DEFAULT_BATCH,
): Promise<Generator> =>
  Generator.create(runtime, makeStudentWeights(shape, weights), tokenizer, {
    batchSize: Math.max(1, maxBatch),
    contextLength: shape.context,
  })

/** The same with weights loaded from a file. */
export const openLoadedGenerator = (
  runtime: Runtime,
  weights: LoadedWeights,
  tokenizer: TextTokenizer,
): Promise<Generator> => Generator.create(runtime, weights, tokenizer, { batchSize: DEFAULT_BATCH })

/** Greedy completions of prompts, in order; an abort leaves the rest incomplete. */
export async function generateSamples(
  runtime: Runtime,
  student: StudentModel,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<string[]> {
  const texts = prompts.map(() => '')
  const generator = await openGenerator(runtime, student, prompts.length)
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
    await generator.generate(
      prompts.map((tokens, i) => ({ id: String(i), tokens, sampling })),
      { signal, onResult: ({ id, text }) => (texts[Number(id)] = text) },
    )
  } finally {
    await generator.release()
  }
  return texts
}
