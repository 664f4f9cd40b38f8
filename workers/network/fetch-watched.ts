// Knows: how a request is given up whose server falls silent: browsers wait for it for ever.
// Must not know: what is requested.
import { SilenceTimer } from '../../src/domain/time-limit.ts'
import { fetchBeyond, type BeyondInit } from './fetch-beyond.ts'

/** Milliseconds without a byte after which a request is given up. */
const SILENCE_LIMIT = 30_000

type Send = (url: string, init: BeyondInit) => Promise<Response>

/**
 * Like `fetchBeyond`, but if nothing comes for half a minute, the request ends: with a TypeError, as if the connection had broken. Time in
 * which nobody reads the body does not count.
 */
export async function fetchWatched(
  url: string,
  init: BeyondInit = {},
  { send = fetchBeyond, limit = SILENCE_LIMIT }: { send?: Send; limit?: number } = {},
): Promise<Response> {
  const silence = new AbortController()
  const own = init.signal
  /** Waits for one sign of life. */
  const hear = async <T>(work: () => Promise<T>): Promise<T> => {
    const timer = new SilenceTimer(limit, () => silence.abort())
    const silent = new Promise<never>((_resolve, reject) => {
      silence.signal.addEventListener('abort', () =>
        reject(new TypeError(`nothing came for ${Math.round(limit / 1000)} seconds`)),
      )
    })
    try {
      return await Promise.race([work(), silent])
    } finally {
      timer.end()
      silent.catch(() => undefined)
    }
  }
  const signal = own === undefined ? silence.signal : AbortSignal.any([own, silence.signal])
  const response = await hear(() => send(url, { ...init, signal }))
  const { body, status, statusText, headers } = response
  if (body === null) return response
  const reader = body.getReader()
  const watched = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await hear(() => reader.read())
        if (done) controller.close()
        else controller.enqueue(new Uint8Array(value))
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return new Response(watched, { status, statusText, headers })
}
