// Knows: how many requests may be in flight at once: fewer after the server is overloaded, more again after successes.
// Source of the rule: additive increase, multiplicative decrease (Chiu and Jain, 1989).

export class ConcurrencyLimit {
  readonly max: number
  #current: number
  #successes = 0

  constructor(max: number) {
    this.max = max
    this.#current = max
  }

  /** Requests that may be in flight now, from 1 to `max`. */
  get current(): number {
    return this.#current
  }

  /** Halves the limit: the server turned a request away. */
  decrease(): void {
    this.#successes = 0
    this.#current = Math.max(1, Math.floor(this.#current / 2))
  }

  /** Raises the limit by one after `current` successes in a row. */
  recordSuccess(): void {
    this.#successes += 1
    if (this.#successes < this.#current) return
    this.#successes = 0
    this.#current = Math.min(this.max, this.#current + 1)
  }

  /** Works on all items, up to `current` at once; resolves when all are finished. `work` must not throw. */
  each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      let next = 0
      let inFlight = 0
      const start = (): void => {
        while (inFlight < this.#current && next < items.length) {
          const item = items[next++] as T
          inFlight += 1
          void work(item).finally(() => {
            inFlight -= 1
            start()
          })
        }
        if (inFlight === 0 && next >= items.length) resolve()
      }
      start()
    })
  }
}
