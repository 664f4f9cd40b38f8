// Knows: how a student generates text: its weights in a generator of the engine.
// Must not know: where its weights are stored.
import { Generator } from '../../src/engine/generation/generator.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { Flat } from '../../src/engine/training/parameters.ts'
import { makeStudentWeights } from '../../src/engine/training/student-weights.ts'
import { fromFloats } from '../teachers/kernel-sources.ts'
import { loadOnKernels, type OpenKernels } from '../teachers/kernels.ts'

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

/** What runs a student that generates: the runtime, or in its place the kernels of the processor. */
export interface StudentMachine {
  readonly openRuntime: () => Promise<Runtime>
  /** Absent: the runtime only. */
  readonly openKernels?: OpenKernels | undefined
}

/**
 * A generator with a decoder's floats, on the kernels if these run here and can run it, else on the runtime; release it when done. Throws
 * EngineError.
 */
export async function openFastGenerator(
  { openRuntime, openKernels }: StudentMachine,
  weights: LoadedWeights,
  tokenizer: TextTokenizer,
): Promise<Generator> {
  const { shape } = weights
  const contextLength = shape.context
  const loaded =
    openKernels &&
    (await loadOnKernels(
      fromFloats(shape, async () => weights),
      {
        openKernels,
        threads: undefined,
        form: 'kernels',
        contextLength,
        batchSize: DEFAULT_BATCH,
        samples: [],
      },
    ))
  return typeof loaded === 'object'
    ? Generator.over(loaded.model, tokenizer)
    : Generator.create(await openRuntime(), weights, tokenizer, { batchSize: DEFAULT_BATCH, contextLength })
}

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
