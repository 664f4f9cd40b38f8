// Knows: how often and after which pauses a request is repeated.
// Source: exponential back-off with jitter (Brooker, 2015): pauses of clients that failed together are spread, so that they do not come back together.
import { Fault } from './fault.ts'

export interface Patience {
  /** Tries in all. Default 6. */
  readonly tries?: number
  /** Milliseconds before the second try; doubled for each further one, at most 30 seconds. Default 500. */
  readonly pauseMs?: number
}

export interface TryHooks {
  readonly signal: AbortSignal
  /** Before each pause. */
  readonly onFault?: (fault: Fault) => void
}

/** Does the work until it succeeds; throws its last fault, anything that is no fault, or an AbortError. */
export async function persist<T>(
  work: () => Promise<T>,
  { tries = 6, pauseMs = 500 }: Patience,
  { signal, onFault }: TryHooks,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work()
    } catch (thrown) {
      signal.throwIfAborted()
      if (!(thrown instanceof Fault) || !thrown.mayBeRepeated || failures >= tries) throw thrown
      onFault?.(thrown)
      // Half of the pause is certain, half is drawn. What the server asked for is never undercut.
      const pause = Math.min(30_000, pauseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
      await wait(Math.max(pause, thrown.waitMs ?? 0), signal)
    }
  }
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(new DOMException('Stopped.', 'AbortError'))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
