// Knows: how to measure the best batch size for a model on this machine: it decodes a few tokens at each size.
// Must not know: where the result is stored, clocks.
import type { CachedModel } from './cached-model.ts'

export interface BatchSpeed {
  readonly batchSize: number
  /** Summed over all rows of the batch. */
  readonly tokensPerSecond: number
}

export interface BatchSizeProbe {
  /** The smallest batch size that is nearly as fast as the fastest. */
  readonly batchSize: number
  /** In the order measured; sizes that did not fit into the time budget are missing. */
  readonly speeds: readonly BatchSpeed[]
}

export interface ProbeOptions {
  /** Milliseconds from any origin. */
  readonly now: () => number
  /** Milliseconds after which no further size is measured. Default 2,000. */
  readonly budget?: number
  /** Batch sizes to measure, ascending; those above the model's `maxSlots` are skipped. */
  readonly batchSizes?: readonly number[]
}

const BATCH_SIZES = [1, 2, 4, 8, 12, 16, 24, 32]
/** Prompt tokens of each measured row: few, to save time; longer rows favour the same sizes or smaller ones. */
const PROMPT_TOKENS = 48
/**
 * Steps at each batch size after one warm-up step; the fastest counts. At least three, and more for a small
 * model, whose steps take a millisecond, to average out what else the machine does.
 */
const STEPS = { min: 3, max: 40, ms: 60 } as const
/** Speed-up at which a larger batch is worth its memory and the latency of each row. */
const MIN_SPEEDUP = 1.05
/** The search ends after this many sizes in a row without a speed-up. */
const PATIENCE = 2

/** Measures steps at several batch sizes and restores the model. Only while no row is open. */
export async function probeBatchSize(
  model: CachedModel,
  { now, budget = 2000, batchSizes = BATCH_SIZES }: ProbeOptions,
): Promise<BatchSizeProbe> {
  const before = model.slots
  const startedAt = now()
  const speeds: BatchSpeed[] = []
  let best: BatchSpeed | undefined
  let withoutSpeedup = 0
  try {
    for (const batchSize of batchSizes) {
      if (
        batchSize > model.maxSlots ||
        withoutSpeedup >= PATIENCE ||
        (best !== undefined && now() - startedAt >= budget)
      )
        break
      const speed = {
        batchSize,
        tokensPerSecond: (batchSize * 1000) / (await timeStep(model, batchSize, now)),
      }
      speeds.push(speed)
      if (best === undefined || speed.tokensPerSecond > best.tokensPerSecond * MIN_SPEEDUP) {
        best = speed
        withoutSpeedup = 0
      } else withoutSpeedup += 1
    }
  } finally {
    model.resize(before)
  }
  return { batchSize: best?.batchSize ?? before, speeds }
}

/** Milliseconds of the fastest of a few steps. */
async function timeStep(model: CachedModel, batchSize: number, now: () => number): Promise<number> {
  model.resize(batchSize)
  const slots = Array.from({ length: batchSize }, () => model.open())
  try {
    const token = (i: number): number => i % model.vocabulary
    const prompt = Array.from(
      { length: Math.max(0, Math.min(PROMPT_TOKENS, model.contextLength - STEPS.max - 2)) },
      (_, i) => token(i),
    )
    const [first] = slots
    if (first === undefined) return Number.NaN
    // One row is computed and copied if the model supports it; otherwise rows start empty.
    if (model.copy !== undefined && prompt.length > 0) {
      await model.step([{ slot: first, tokens: prompt, logitsAt: [prompt.length - 1] }], undefined, true)
      for (const slot of slots.slice(1)) model.copy(first, slot)
    }
    const step = (at: number): Promise<unknown> =>
      model.step(
        slots.map((slot, i) => ({ slot, tokens: [token(i * 7 + at)], logitsAt: [0] })),
        undefined,
        true,
      )
    await step(0)
    const startedAt = now()
    let fastest = Number.POSITIVE_INFINITY
    for (let at = 1; at <= STEPS.max && (at <= STEPS.min || now() - startedAt < STEPS.ms); at++) {
      const from = now()
      await step(at)
      fastest = Math.min(fastest, now() - from)
    }
    return Math.max(fastest, 1e-3)
  } finally {
    for (const slot of slots.toReversed()) model.close(slot)
  }
}
