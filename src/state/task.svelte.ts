// Knows: one long thing at a time: going or not, its latest progress, the sentence it failed with, and how to stop it.
// Must not know: what the thing is.
import { untrack } from 'svelte'
import { isAbort, sentenceOf } from '../protocol/errors.ts'

/** Takes a generator's progress one by one and gives its answer. */
export async function drain<P, A>(work: AsyncGenerator<P, A>, onProgress: (progress: P) => void): Promise<A> {
  for (;;) {
    const next = await work.next()
    if (next.done) return next.value
    onProgress(next.value)
  }
}

export class Task<P = never> {
  #going = $state(false)
  #progress = $state.raw<P | undefined>()
  #trouble = $state<string | undefined>()
  #abort: AbortController | undefined

  get going(): boolean {
    return this.#going
  }
  /** The latest progress; stays until the next start. */
  get progress(): P | undefined {
    return this.#progress
  }
  /** What went wrong the last time, as a sentence. A stop is not trouble. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /**
   * Does the work unless it is already going. Thrown things become `trouble`; the answer is `undefined` then,
   * and also where someone stopped it.
   */
  async do<A>(
    work: (signal: AbortSignal, report: (progress: P) => void) => Promise<A>,
  ): Promise<A | undefined> {
    // An effect that starts work must not depend on whether work goes on: it would start it again at its end, forever.
    if (untrack(() => this.#going)) return undefined
    const abort = (this.#abort = new AbortController())
    this.#going = true
    this.#progress = undefined
    this.#trouble = undefined
    try {
      return await work(abort.signal, (progress) => (this.#progress = progress))
    } catch (thrown) {
      if (!isAbort(thrown)) this.#trouble = sentenceOf(thrown)
      return undefined
    } finally {
      this.#going = false
      this.#abort = undefined
    }
  }

  /** Like `do`, for an action that yields its progress. `settle` is done before the work counts as ended, so that no screen shows the end without its outcome. */
  follow<A>(
    start: (signal: AbortSignal) => AsyncGenerator<P, A>,
    settle?: (answer: A) => Promise<void>,
  ): Promise<A | undefined> {
    return this.do(async (signal, report) => {
      const answer = await drain(start(signal), report)
      await settle?.(answer)
      return answer
    })
  }

  stop(): void {
    this.#abort?.abort()
  }

  dismiss(): void {
    this.#trouble = undefined
  }
}
