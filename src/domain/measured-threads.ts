// Knows: how fast the runtime computes with each number of threads on this machine, and which number is best.

/** It belongs to the machine, not to a project. */
export interface MeasuredThreads {
  /** What the browser reports, such as `4 cores`: with another number, threads are measured again. */
  readonly device: string
  /** The best number of threads. */
  readonly threads: number
  /** Every number that was measured, the smallest first. */
  readonly rates: readonly ThreadRate[]
  /** Milliseconds since 1970. */
  readonly measuredAt: number
}

export interface ThreadRate {
  readonly threads: number
  /** Runs of a small graph. */
  readonly runsPerSecond: number
}

/** Fewer threads must be faster by this factor to be chosen, and more to be chosen for certain: a busy machine changes rates by less. */
export const CLEAR_GAIN = 1.25
/** Milliseconds after which a stored measurement is old: 30 days. Drivers, browsers and what else runs on a machine change. */
const OLD_AFTER_MS = 30 * 24 * 3_600_000

export interface ChosenThreads {
  /** At least 1. */
  readonly threads: number
  /** No other number comes near it. If one does, threads should be measured again next time. */
  readonly certain: boolean
}

/** The largest number that no smaller one beats clearly. One thread, not for certain, if nothing was measured. */
export function chooseThreads(rates: readonly ThreadRate[]): ChosenThreads {
  const fastest = rates.reduce((max, { runsPerSecond }) => Math.max(max, runsPerSecond), 0)
  const near = rates.filter(({ runsPerSecond }) => runsPerSecond * CLEAR_GAIN > fastest)
  return {
    threads: near.reduce((max, { threads }) => Math.max(max, threads), 1),
    certain: near.length === 1,
  }
}

/** A stored measurement is still good: certain by today's rule, and neither old nor of a later time (a clock that was set back). */
export function isStillGood({ threads, rates, measuredAt }: MeasuredThreads, now: number): boolean {
  const age = now - measuredAt
  const chosen = chooseThreads(rates)
  return chosen.certain && chosen.threads === threads && age >= 0 && age < OLD_AFTER_MS
}
