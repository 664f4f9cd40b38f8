// Knows: how long one run may keep a graphics card busy, and how many micro-batches a step needs to stay below that.
// Must not know: losses, steps, checkpoints.
import { listTrainable } from '../../src/engine/training/adapters.ts'
import { makeBatch, positionsOf, type PackedRow } from '../../src/engine/training/packing.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { initialState, Trainer, type FrozenDecoder } from '../../src/engine/training/trainer.ts'
import { countOf } from '../../src/engine/training/parameters.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { yieldToMessages } from './yield-to-messages.ts'

/**
 * Maximum milliseconds of one run. Windows resets a card that works on one submit for 2 s and Chromium gives up after about 10 s; the
 * runtime submits a run in pieces of about sixteen kernels, and the same card draws the screen.
 */
export const MAX_RUN_MS = 500
/** Cost of a step relative to its forward pass: the backward pass has two products for each product of the forward pass. */
const STEP_PER_FORWARD = 3

/** How a step is split. */
export interface CardPlan {
  readonly microBatches: number
  /** Milliseconds of one micro-batch, estimated from the trial runs. */
  readonly microBatchMs: number
}

/**
 * The smallest number of micro-batches for a step of `rowsPerStep` rows so that none takes longer than `MAX_RUN_MS`, found by trying one
 * row, two, four and so on; `measureForward` returns the milliseconds of a forward pass over n rows. Each trial at most doubles a row count
 * that was fast enough, and trials stop once the result is known: time grows at most linearly with rows. If one row alone takes longer,
 * each row is a micro-batch.
 */
export async function planForCard(
  rowsPerStep: number,
  measureForward: (rows: number) => Promise<number>,
): Promise<CardPlan> {
  let rows = 1
  let microBatchMs = STEP_PER_FORWARD * (await measureForward(1))
  const wholeFits = (): boolean => (microBatchMs / rows) * rowsPerStep <= MAX_RUN_MS
  while (!wholeFits() && 2 * rows <= rowsPerStep) {
    const twice = STEP_PER_FORWARD * (await measureForward(2 * rows))
    if (!(twice <= MAX_RUN_MS)) break
    rows *= 2
    microBatchMs = twice
  }
  if (wholeFits()) return { microBatches: 1, microBatchMs: (microBatchMs / rows) * rowsPerStep }
  return { microBatches: Math.ceil(rowsPerStep / rows), microBatchMs }
}

export interface CardTrial {
  readonly shape: DecoderShape
  /** The frozen base model and its adapters, if adapters are trained. */
  readonly adapters?: FrozenDecoder
  /** Rows to try with; the longest are used. */
  readonly rows: readonly PackedRow[]
  /** Padded length of every row. */
  readonly length: number
  /** Batch size. */
  readonly rowsPerStep: number
  readonly now: () => number
  readonly signal: AbortSignal
}

/** Runs `planForCard` on the card itself, with weights of zero. Throws an AbortError when stopped. */
export async function planOnCard(
  runtime: Runtime,
  { shape, adapters, rows, length, rowsPerStep, now, signal }: CardTrial,
): Promise<CardPlan> {
  const longest = rows.toSorted((a, b) => positionsOf(b) - positionsOf(a))
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0, maxGradientNorm: 0, ...(adapters ? { adapts: adapters } : {}) },
    initialState(new Float32Array(countOf(listTrainable(shape, adapters)))),
  )
  try {
    return await planForCard(rowsPerStep, async (count) => {
      const batch = makeBatch(
        Array.from({ length: count }, (_, i) => [longest[i % longest.length] as PackedRow]),
        count,
        length,
      )
      await trainer.measure([batch]) // the first run also compiles
      await yieldToMessages()
      signal.throwIfAborted()
      const from = now()
      await trainer.measure([batch])
      return now() - from
    })
  } finally {
    await trainer.release()
  }
}

/** A plan as a sentence; undefined if there is nothing to report. */
export function describeCardPlan({ microBatches, microBatchMs }: CardPlan): string | undefined {
  if (microBatchMs > MAX_RUN_MS)
    return `Even one row takes this graphics card about ${(microBatchMs / 1000).toFixed(1)} s: the screen may freeze, and the browser may reset the card. A shorter context or a smaller size would be faster, and the processor may be too.`
  return microBatches > 1
    ? `Each step is split into ${microBatches} micro-batches, so that no single call keeps the graphics card busy for longer than half a second.`
    : undefined
}
