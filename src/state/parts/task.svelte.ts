// Knows: one long operation at a time: whether it is running, its latest progress, its error as a sentence, and how to stop it.
// Must not know: what the operation does.
import { untrack } from 'svelte'
import { isAbort, sentenceOf } from '../../protocol/errors.ts'

/** Passes each progress of a generator to `onProgress` and returns its result. */
export async function drain<P, R>(work: AsyncGenerator<P, R>, onProgress: (progress: P) => void): Promise<R> {
  for (;;) {
    const next = await work.next()
    if (next.done) return next.value
    onProgress(next.value)
  }
}

export class Task<P = never> {
  #running = $state(false)
  #progress = $state.raw<P | undefined>()
  #error = $state<string | undefined>()
  #abort: AbortController | undefined

  get running(): boolean {
    return this.#running
  }
  /** The latest progress; stays until the next start. */
  get progress(): P | undefined {
    return this.#progress
  }
  /** The last error, as a sentence. A stop is not an error. */
  get error(): string | undefined {
    return this.#error
  }

  /**
   * Does the work unless it is already running. A thrown error becomes `error`; the result is then `undefined`,
   * as it is after a stop.
   */
  async do<R>(
    work: (signal: AbortSignal, report: (progress: P) => void) => Promise<R>,
  ): Promise<R | undefined> {
    // An effect that starts the task must not depend on `running`: it would restart the task at its end, forever.
    if (untrack(() => this.#running)) return undefined
    const abort = (this.#abort = new AbortController())
    this.#running = true
    this.#progress = undefined
    this.#error = undefined
    try {
      return await work(abort.signal, (progress) => (this.#progress = progress))
    } catch (thrown) {
      if (!isAbort(thrown)) this.#error = sentenceOf(thrown)
      return undefined
    } finally {
      this.#running = false
      this.#abort = undefined
    }
  }

  /** Like `do`, for an action that yields its progress. `onResult` runs before the task ends, so that no screen shows the end without its outcome. */
  follow<R>(
    start: (signal: AbortSignal) => AsyncGenerator<P, R>,
    onResult?: (result: R) => Promise<void>,
  ): Promise<R | undefined> {
    return this.do(async (signal, report) => {
      const result = await drain(start(signal), report)
      await onResult?.(result)
      return result
    })
  }

  stop(): void {
    this.#abort?.abort()
  }

  dismiss(): void {
    this.#error = undefined
  }
}
