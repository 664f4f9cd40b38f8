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

/** A larger number of threads must be faster by this share: each takes memory, and leaves less of the machine to others. */
const MIN_GAIN = 1.1

/** The best number: the smallest one that no larger one beats clearly. 1 if nothing was measured. */
export function bestThreads(rates: readonly ThreadRate[]): number {
  let best: ThreadRate | undefined
  for (const rate of rates.toSorted((a, b) => a.threads - b.threads))
    if (best === undefined || rate.runsPerSecond > best.runsPerSecond * MIN_GAIN) best = rate
  return best?.threads ?? 1
}
