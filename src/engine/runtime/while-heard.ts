// Knows: how work is given up that has shown no sign of life for a while, such as a fetch that never ends.
import { EngineError } from '../errors.ts'

/** What the work gets: a function to call at each sign of life, and a signal that aborts when it is given up. */
export type HeardWork<T> = (heard: () => void, signal: AbortSignal) => Promise<T>

/**
 * The work's result; if it neither ends nor shows a sign of life for `limit` milliseconds, that of a second try. Throws EngineError
 * `unreachable` if that one stays silent too, else what the work throws.
 */
export async function whileHeard<T>(limit: number, work: HeardWork<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const silence = new Promise<'silence'>((resolve) => {
      abort.signal.addEventListener('abort', () => resolve('silence'))
    })
    const heard = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => abort.abort(), limit)
    }
    heard()
    const result = work(heard, abort.signal).then((value) => ({ value }))
    try {
      const first = await Promise.race([result, silence])
      if (first !== 'silence') return first.value
    } finally {
      clearTimeout(timer)
      result.catch(() => undefined) // a fetch that was given up rejects later
    }
    if (tries === 2)
      throw new EngineError(
        'unreachable',
        `The engine’s files did not arrive: nothing came for ${Math.round(limit / 1000)} seconds, twice. Check the network and try again.`,
      )
  }
}
