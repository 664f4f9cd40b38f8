// Knows: how a person pauses, resumes and stops long work. Each piece of work has its own control.
// Must not know: what the work is.

/**
 * Pause and stop abort the workers' current call; results that arrived before stay. After a pause the work waits until it is
 * resumed or stopped; after a stop it ends.
 */
export class RunControl {
  #pauseSignal = new AbortController()
  #paused = false
  #stopped = false
  #waiting: (() => void)[] = []
  readonly #listeners = new Set<() => void>()

  get paused(): boolean {
    return this.#paused
  }
  get stopped(): boolean {
    return this.#stopped
  }
  /** Aborts at the next pause or stop; resumed work has a new signal. Read it again before each call of a worker. */
  get signal(): AbortSignal {
    return this.#pauseSignal.signal
  }

  pause(): void {
    if (this.#paused || this.#stopped) return
    this.#paused = true
    this.#pauseSignal.abort()
    this.#notify()
  }

  resume(): void {
    if (!this.#paused || this.#stopped) return
    this.#paused = false
    this.#pauseSignal = new AbortController()
    this.#wake()
  }

  /** Ends the work for good. Also ends a pause. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#paused = false
    this.#pauseSignal.abort()
    this.#wake()
  }

  /** Resolves at once unless paused, else on resume or stop. */
  whenResumed(): Promise<void> {
    return this.#paused ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve()
  }

  /** Calls `listener` at each pause, resume and stop; returns a function that removes it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
    this.#notify()
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
