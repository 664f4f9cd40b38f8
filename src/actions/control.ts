// Knows: how a person pauses, resumes and stops long work. One control belongs to one piece of work.
// Must not know: what the work is.

/**
 * Pause and stop abort the workers' present call; what has ended by then stays. After a pause the work waits until it is
 * resumed or stopped; after a stop nothing goes on.
 */
export class RunControl {
  #stretch = new AbortController()
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
  /** Ends with the next pause or stop; a resumed work has a new one. Ask for it anew before each call of a worker. */
  get signal(): AbortSignal {
    return this.#stretch.signal
  }

  pause(): void {
    if (this.#paused || this.#stopped) return
    this.#paused = true
    this.#stretch.abort()
    this.#tell()
  }

  resume(): void {
    if (!this.#paused || this.#stopped) return
    this.#paused = false
    this.#stretch = new AbortController()
    this.#wake()
  }

  /** For good. Also ends a pause. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#paused = false
    this.#stretch.abort()
    this.#wake()
  }

  /** Resolves at once unless paused, else when it is resumed or stopped. */
  whenGoing(): Promise<void> {
    return this.#paused ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve()
  }

  /** Calls `listener` at each pause, resume and stop; gives the way to end that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
