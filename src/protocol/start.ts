// Knows: how a worker and its page agree on a start, of the worker and of the runtime in it: the number of threads, and signs that it
// began and ended. A start can hang where nothing in the worker can notice it, so the page watches the clock.
// Must not know: what the runtime is.

/** Milliseconds a start may take, downloads not included: a slow machine under load needs a few seconds. */
export const START_LIMIT = 30_000

/** Milliseconds until a worker shows its first sign of life: its script, which may come over a slow network, is loaded by then. */
export const READY_LIMIT = 60_000
/** Milliseconds for the choice of a number of threads, which may need to be measured; then it is one. */
export const CHOICE_LIMIT = 60_000

/** What a worker reports: `ready` once its script runs, the others of a start. */
export type FromStart =
  | { readonly retort: 'ready' }
  | { readonly retort: 'choose-threads' }
  | { readonly retort: 'start-begun'; readonly threads: number }
  | { readonly retort: 'start-ended' }
  | { readonly retort: 'start-failed'; readonly reason: string }

export function readFromStart(data: unknown): FromStart | undefined {
  if (typeof data !== 'object' || data === null || !('retort' in data)) return undefined
  const { retort } = data
  if (retort === 'ready' || retort === 'choose-threads' || retort === 'start-ended') return { retort }
  if (retort === 'start-begun') return { retort, threads: 'threads' in data ? Number(data.threads) : 1 }
  if (retort === 'start-failed') return { retort, reason: 'reason' in data ? String(data.reason) : '' }
  return undefined
}

/** The worker's side: to be passed to the engine, which calls it around each start. */
export interface PageStarts {
  /** Number of threads to start with; undefined: as many as the browser reports. */
  chooseThreads(): Promise<number | undefined>
  begin(threads: number): void
  end(): void
  fail(reason: string): void
}

/** Starts in a dedicated worker whose page is connected to it. */
export function pageStarts(): PageStarts {
  const post = (message: FromStart): void => globalThis.postMessage(message, {})
  return {
    chooseThreads: () =>
      new Promise((resolve) => {
        const onMessage = ({ data }: MessageEvent<unknown>): void => {
          if (typeof data !== 'object' || data === null || !('retort' in data) || data.retort !== 'threads')
            return
          globalThis.removeEventListener('message', onMessage)
          resolve('count' in data && typeof data.count === 'number' ? data.count : undefined)
        }
        globalThis.addEventListener('message', onMessage)
        post({ retort: 'choose-threads' })
      }),
    begin: (threads) => post({ retort: 'start-begun', threads }),
    end: () => post({ retort: 'start-ended' }),
    fail: (reason) => post({ retort: 'start-failed', reason }),
  }
}

/** How a start failed: `stalled` if it did not end in time, `broken` if the worker crashed or the runtime reported an error. */
export interface FailedStart {
  readonly kind: 'stalled' | 'broken'
  readonly threads: number
  readonly reason: string
}
