// Knows: how work that reports often becomes a generator that yields at most ten times a second.
// Must not know: what the work is.
import type { AskOptions } from '../protocol/contract.ts'

/** Milliseconds between two reports at least. */
export const PROGRESS_INTERVAL = 100

/** Work that reports: `tell` may be called at any rate; only the latest report is passed on. */
export type Telling<P, R> = (tell: (progress: P) => void) => Promise<R>

/**
 * Starts the work at once and yields its latest progress, at most one every `interval` milliseconds, the last one always;
 * returns the work's answer and throws what it throws. A consumer that leaves early calls `abandon` and waits for the end.
 */
export async function* tellProgress<P, R>(
  work: Telling<P, R>,
  abandon: () => void,
  interval = PROGRESS_INTERVAL,
): AsyncGenerator<P, R> {
  let latest: { readonly progress: P } | undefined
  let wake: () => void = () => undefined
  const state = { ended: false }
  const result = work((progress) => {
    latest = { progress }
    wake()
  }).finally(() => {
    state.ended = true
    wake()
  })
  result.catch(() => undefined) // awaited below; until then a failure must not count as unhandled
  let leftEarly = true
  try {
    while (!state.ended || latest) {
      if (latest) {
        const { progress } = latest
        latest = undefined
        yield progress
        if (!state.ended)
          await Promise.race([
            new Promise((resolve) => setTimeout(resolve, interval)),
            result.catch(() => undefined),
          ])
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (state.ended || latest) resolve()
        })
      }
    }
    leftEarly = false
    return await result
  } finally {
    if (leftEarly) {
      abandon()
      await result.catch(() => undefined)
    }
  }
}

/** One call of a worker as a generator of its events; ends when `signal` does or when the consumer leaves. */
export function followCall<P, R>(
  signal: AbortSignal | undefined,
  call: (options: Required<Pick<AskOptions<P>, 'signal' | 'onEvent'>>) => Promise<R>,
): AsyncGenerator<P, R> {
  const abort = new AbortController()
  const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal
  return tellProgress(
    (tell) => call({ signal: either, onEvent: tell }),
    () => abort.abort(),
  )
}
