// Knows: whether work that a record calls running is running in another tab, and when it ends there.
import { findHolder, whenFree } from '../../storage/locks.ts'

export class Elsewhere {
  #holder = $state<string | undefined>()
  #waiting: AbortController | undefined

  /** Which tab does the work; undefined if none does. */
  get holder(): string | undefined {
    return this.#holder
  }

  /**
   * Finds out again who holds the lock of the work. `runsHere`: this tab does it itself. `onEnd` is called when it ended in the other
   * tab, or that tab is gone.
   */
  async check(lock: string, runsHere: boolean, onEnd: () => unknown): Promise<void> {
    const holder = runsHere ? undefined : await findHolder(lock)
    this.#holder = holder
    if (holder === undefined) {
      this.#waiting?.abort()
      this.#waiting = undefined
      return
    }
    if (this.#waiting !== undefined) return
    const waiting = (this.#waiting = new AbortController())
    whenFree(lock, waiting.signal).then(
      () => {
        this.#waiting = undefined
        this.#holder = undefined
        onEnd()
      },
      () => undefined, // no longer of interest
    )
  }
}
