// Knows: how often and after which pauses a request is repeated.
// Source: exponential back-off with jitter (Brooker, 2015): the pauses of clients that failed together are spread out, so that they do not return together.
import { ServerError } from './server-error.ts'

export interface RetryOptions {
  /** Number of attempts. Default 6. */
  readonly attempts?: number
  /** Milliseconds before the second attempt; doubled for each further one, up to 30 seconds. Default 500. */
  readonly pauseMs?: number
}

export interface RetryHooks {
  readonly signal: AbortSignal
  /** Called before each pause. */
  readonly onError?: (error: ServerError) => void
}

/** Repeats the work until it succeeds; throws its last `ServerError`, any other error at once, or an AbortError. */
export async function retry<T>(
  work: () => Promise<T>,
  { attempts = 6, pauseMs = 500 }: RetryOptions,
  { signal, onError }: RetryHooks,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work()
    } catch (thrown) {
      signal.throwIfAborted()
      if (!(thrown instanceof ServerError) || !thrown.isRetryable || failures >= attempts) throw thrown
      onError?.(thrown)
      // Half of the pause is fixed, half is random. It is never shorter than the server requested.
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
