// Knows: a clock of work, which does not count the time during which the machine slept.
// Some systems continue `performance.now()` while they sleep, and nothing in a page runs then: a gap far larger than any between two ticks is
// sleep.
// Must not know: what is timed.

/** Milliseconds between two ticks. Browsers wake a hidden page once a minute at least. */
const TICK_MS = 15_000
/** A longer gap in a page is sleep. */
const PAGE_GAP_MS = 90_000
/** A longer gap in a worker is sleep: no timer runs there during a step of the runtime, which may take minutes on a slow machine. */
const WORKER_GAP_MS = 600_000

export class WorkClock {
  readonly #clock: () => number
  readonly #maxGap: number
  #seenAt: number
  #slept = 0

  /** `clock`: milliseconds; `maxGap`: the longest gap between two readings that is not sleep. */
  constructor(clock: () => number, maxGap: number) {
    this.#clock = clock
    this.#maxGap = maxGap
    this.#seenAt = clock()
  }

  /** Milliseconds from an arbitrary start, without sleep. */
  now(): number {
    const at = this.#clock()
    const gap = at - this.#seenAt
    if (gap > this.#maxGap) this.#slept += gap
    this.#seenAt = at
    return at - this.#slept
  }
}

let shared: WorkClock | undefined

function startShared(): WorkClock {
  const isPage = 'document' in globalThis
  const clock = new WorkClock(() => performance.now(), isPage ? PAGE_GAP_MS : WORKER_GAP_MS)
  const timer: unknown = setInterval(() => clock.now(), TICK_MS)
  // In Node a timer keeps the process alive; in browsers it is a number.
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
    timer.unref()
  return clock
}

/** The work clock of this thread: milliseconds from an arbitrary start. */
export const workNow = (): number => (shared ??= startShared()).now()
