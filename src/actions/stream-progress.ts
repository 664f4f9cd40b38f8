// Knows: how work that reports progress often becomes a generator that yields at most ten times a second.
// Must not know: what the work is.
import type { CallOptions } from '../protocol/contract.ts'

/** Min milliseconds between two reports. */
export const PROGRESS_INTERVAL = 100

/** Work that reports its progress: `report` may be called at any rate; only the latest progress is passed on. */
export type ReportingWork<P, R> = (report: (progress: P) => void) => Promise<R>

/**
 * Starts the work at once and yields its latest progress, at most one every `interval` milliseconds, and always the last;
 * returns the work's result and throws what it throws. If the consumer leaves early, calls `abandon` and waits for the end.
 */
export async function* streamProgress<P, R>(
  work: ReportingWork<P, R>,
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

/** One call of a worker as a generator of its events; aborts with `signal` or when the consumer leaves. */
export function followCall<P, R>(
  signal: AbortSignal | undefined,
  call: (options: Required<Pick<CallOptions<P>, 'signal' | 'onEvent'>>) => Promise<R>,
): AsyncGenerator<P, R> {
  const abort = new AbortController()
  const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal
  return streamProgress(
    (report) => call({ signal: either, onEvent: report }),
    () => abort.abort(),
  )
}
