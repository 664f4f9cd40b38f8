// Knows: how work is waited for only so long. Time during which the machine slept, or the thread computed, does not count.
// Must not know: what the work is, what is done when it is late.

/** A limit is waited for in this many parts: sleep and a busy thread delay one timer, so they cost one part at most. */
const PARTS = 8

/** Calls `onSilence` once if nothing was heard for `limit` milliseconds. */
export class SilenceTimer {
  readonly #part: number
  readonly #onSilence: () => void
  #left = PARTS
  #timer: ReturnType<typeof setTimeout> | undefined
  #ended = false

  constructor(limit: number, onSilence: () => void) {
    this.#part = limit / PARTS
    this.#onSilence = onSilence
    this.heard()
  }

  /** A sign of life: the time begins again. */
  heard(): void {
    if (this.#ended) return
    this.#left = PARTS
    this.#wait()
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }

  #wait(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#left -= 1
      if (this.#left > 0) return this.#wait()
      this.end()
      this.#onSilence()
    }, this.#part)
  }
}

interface Limit<T> {
  /** Milliseconds. */
  readonly limit: number
  /** The error when the work is late. */
  readonly late: () => Error
  /** Called if the work ends after all: it may hold something that has to be released. */
  readonly onLateResult?: (value: T) => unknown
}

/** The work's result. Throws `late()` if it has not ended within `limit` milliseconds, else what the work throws. */
export function endWithin<T>({ limit, late, onLateResult }: Limit<T>, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const timer = new SilenceTimer(limit, () => {
      isLate = true
      reject(late())
    })
    // In a promise of its own: what throws at once is a rejection like the others.
    new Promise<T>((done) => done(work())).then(
      (value) => {
        timer.end()
        if (isLate) void Promise.resolve(onLateResult?.(value)).catch(() => undefined)
        else resolve(value)
      },
      (thrown: unknown) => {
        timer.end()
        reject(thrown instanceof Error ? thrown : new Error(String(thrown)))
      },
    )
  })
}
