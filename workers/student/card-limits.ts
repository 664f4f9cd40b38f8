// Knows: how long a graphics card may be kept at work at a stretch, and in how many parts a step is taken so that it is no longer.
// Must not know: losses, steps, checkpoints.
import { listTrained } from '../../src/engine/training/adapters.ts'
import { makeBatch, positionsOf, type PackedRow } from '../../src/engine/training/packing.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { beginState, Trainer, type FrozenDecoder } from '../../src/engine/training/trainer.ts'
import { countOf } from '../../src/engine/training/parameters.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { breathe } from './breathe.ts'

/**
 * Milliseconds that one run should take at most. Windows resets a card that works on one submit for 2 s and Chromium gives up after
 * about 10 s; the runtime submits a run in pieces of some sixteen kernels, and the screen is drawn by the same card.
 */
export const LONGEST_RUN_MS = 500
/** A step against its forward pass: the backward pass has two products for each one of that. */
const STEP_BY_FORWARD = 3

/** How a step is taken. */
export interface CardPlan {
  readonly parts: number
  /** Milliseconds of a part, as far as the trial can tell. */
  readonly partMs: number
}

/**
 * The fewest parts of a step of `lines` rows of which none is longer than `LONGEST_RUN_MS`, found by trying one row, two, four and so
 * on; `measureForward` gives the milliseconds of a forward pass over so many rows. No trial goes beyond what was found short
 * enough, and none is made that can tell nothing new: time grows at most as the rows do. Where one row alone is longer, each is a part.
 */
export async function planForCard(
  lines: number,
  measureForward: (rows: number) => Promise<number>,
): Promise<CardPlan> {
  let rows = 1
  let partMs = STEP_BY_FORWARD * (await measureForward(1))
  const wholeFits = (): boolean => (partMs / rows) * lines <= LONGEST_RUN_MS
  while (!wholeFits() && 2 * rows <= lines) {
    const twice = STEP_BY_FORWARD * (await measureForward(2 * rows))
    if (!(twice <= LONGEST_RUN_MS)) break
    rows *= 2
    partMs = twice
  }
  if (wholeFits()) return { parts: 1, partMs: (partMs / rows) * lines }
  return { parts: Math.ceil(lines / rows), partMs }
}

export interface CardTrial {
  readonly shape: DecoderShape
  /** The model that stays as it is, where adapters on it are trained. */
  readonly adapts?: FrozenDecoder
  /** Rows to try with; the longest are taken. */
  readonly rows: readonly PackedRow[]
  /** Positions that every row is padded to. */
  readonly length: number
  /** Rows of a step. */
  readonly lines: number
  readonly now: () => number
  readonly signal: AbortSignal
}

/** `planForCard` on the card itself, with weights of nothing. Throws an AbortError when stopped. */
export async function tryCard(
  runtime: Runtime,
  { shape, adapts, rows, length, lines, now, signal }: CardTrial,
): Promise<CardPlan> {
  const longest = rows.toSorted((a, b) => positionsOf(b) - positionsOf(a))
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0, clip: 0, ...(adapts ? { adapts } : {}) },
    beginState(new Float32Array(countOf(listTrained(shape, adapts)))),
  )
  try {
    return await planForCard(lines, async (count) => {
      const batch = makeBatch(
        Array.from({ length: count }, (_, i) => [longest[i % longest.length] as PackedRow]),
        count,
        length,
      )
      await trainer.measure([batch]) // the first run also compiles
      await breathe()
      signal.throwIfAborted()
      const from = now()
      await trainer.measure([batch])
      return now() - from
    })
  } finally {
    await trainer.release()
  }
}

/** What is said of a plan; undefined where there is nothing to say. */
export function tellCardPlan({ parts, partMs }: CardPlan): string | undefined {
  if (partMs > LONGEST_RUN_MS)
    return `Even one row takes this graphics card about ${(partMs / 1000).toFixed(1)} s: the screen may stand still, and the browser may take the card away. A shorter context or a smaller size would be quicker, and so may wasm.`
  return parts > 1
    ? `Each step is taken in ${parts} parts, so that the graphics card is never busy for longer than half a second.`
    : undefined
}
