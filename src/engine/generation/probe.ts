// Knows: how the best number of rows for a model on this machine is found: by writing a few tokens with each.
// Must not know: where the answer is kept, clocks.
import type { CachedModel } from './cached-model.ts'

export interface BatchSpeed {
  readonly batch: number
  /** All rows together. */
  readonly tokensPerSecond: number
}

export interface BatchProbe {
  /** The smallest number of rows that is nearly as fast as the fastest. */
  readonly batch: number
  /** In the order measured; numbers of rows that the time did not suffice for are not there. */
  readonly speeds: readonly BatchSpeed[]
}

export interface ProbeOptions {
  /** Milliseconds from any beginning. */
  readonly now: () => number
  /** Milliseconds after which no other number of rows is begun. Default 2,000. */
  readonly budget?: number
  /** Numbers of rows to try, ascending; those that the model has no room for are left out. */
  readonly batches?: readonly number[]
}

const BATCHES = [1, 2, 4, 8, 12, 16, 24, 32]
/** Tokens that each row holds while it is measured: short ones, for the time; longer rows favour the same numbers or smaller ones. */
const HELD = 48
/**
 * Steps of each number of rows behind one for warming up, of which the fastest counts: three at least, and of a small model, whose steps
 * take a millisecond, as many as make up for what else the machine does meanwhile.
 */
const STEPS = { least: 3, most: 40, ms: 60 } as const
/** More rows must bring this much to be worth their memory, and the wait of each. */
const WORTH = 1.05
/** Two numbers of rows in a row that bring nothing end the search. */
const PATIENCE = 2

/** Measures steps of several numbers of rows and leaves the model as it was. Only while no row is open. */
export async function probeBatch(
  model: CachedModel,
  { now, budget = 2000, batches = BATCHES }: ProbeOptions,
): Promise<BatchProbe> {
  const before = model.slots
  const began = now()
  const speeds: BatchSpeed[] = []
  let best: BatchSpeed | undefined
  let idle = 0
  try {
    for (const batch of batches) {
      if (batch > model.mostSlots || idle >= PATIENCE || (best !== undefined && now() - began >= budget))
        break
      const speed = { batch, tokensPerSecond: (batch * 1000) / (await timeStep(model, batch, now)) }
      speeds.push(speed)
      if (best === undefined || speed.tokensPerSecond > best.tokensPerSecond * WORTH) {
        best = speed
        idle = 0
      } else idle += 1
    }
  } finally {
    model.resize(before)
  }
  return { batch: best?.batch ?? before, speeds }
}

/** Milliseconds of the fastest of a few steps. */
async function timeStep(model: CachedModel, batch: number, now: () => number): Promise<number> {
  model.resize(batch)
  const slots = Array.from({ length: batch }, () => model.open())
  try {
    const token = (i: number): number => i % model.vocabulary
    const prompt = Array.from(
      { length: Math.max(0, Math.min(HELD, model.contextLength - STEPS.most - 2)) },
      (_, i) => token(i),
    )
    const [first] = slots
    if (first === undefined) return Number.NaN
    // One row is computed and copied where that is possible; elsewhere one token is all that rows hold.
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
    const began = now()
    let fastest = Number.POSITIVE_INFINITY
    for (let at = 1; at <= STEPS.most && (at <= STEPS.least || now() - began < STEPS.ms); at++) {
      const from = now()
      await step(at)
      fastest = Math.min(fastest, now() - from)
    }
    return Math.max(fastest, 1e-3)
  } finally {
    for (const slot of slots.toReversed()) model.close(slot)
  }
}
