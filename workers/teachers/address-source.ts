// Knows: how the beginning of a file at an address is read without downloading the rest.
import { RetortError } from '../../src/protocol/errors.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { nameInAddress, pause, requireAddress, sentenceOfStatus } from './fetch-model.ts'

/**
 * A source that asks the server for ranges. Servers that know none are read from the beginning and cut off, which serves
 * for headers. Throws `DownloadFailed` where the address does not answer, or does not say how large the file is.
 */
export async function openAddress(url: string, signal?: AbortSignal): Promise<ByteSource> {
  requireAddress(url)
  const first = await readRange(url, 0, 1, signal)
  if (first.total === undefined)
    throw new RetortError(
      'DownloadFailed',
      'This server does not say how large the file is. Download it and open it from disk.',
    )
  return sourceAt(url, nameInAddress(url), first.total, signal)
}

/** A source whose size is known already: nothing is asked for before it is read. */
export const sourceAt = (url: string, name: string, size: number, signal?: AbortSignal): ByteSource => ({
  name,
  size,
  read: async (from, to) =>
    from === to ? new Uint8Array(0) : (await readRange(url, from, to, signal)).bytes,
})

/** Answers without a byte more before reading is given up, and the milliseconds between them. */
const TRIES = 3
const PAUSE = 300

/** Bytes [from, to), over as many answers as it takes: a connection that breaks is taken up where it ended. */
async function readRange(
  url: string,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array; total: number | undefined }> {
  const bytes = new Uint8Array(to - from)
  let at = 0
  let total: number | undefined
  for (let failures = 0; failures < TRIES;) {
    const before = at
    const answer = await ask(url, from + at, to, signal)
    if (answer.kind === 'silent') {
      // A connection that was kept open and has been closed meanwhile looks like this: it is tried once more.
      if (++failures >= 2)
        throw new RetortError(
          'DownloadFailed',
          `${new URL(url).host} did not answer, or does not allow other pages to read its files (CORS). Check the address and the connection, or download the file and open it from disk.`,
          { cause: answer.why },
        )
      continue
    }
    const { body, skip, size } = answer
    total = size
    try {
      await readUpTo(body, skip, bytes.length - at, (piece, place) => {
        bytes.set(piece, before + place)
        at = before + place + piece.length
      })
    } catch {
      signal?.throwIfAborted()
    }
    if (at === bytes.length) return { bytes, total }
    failures = at > before ? 0 : failures + 1
    await pause(PAUSE, signal)
  }
  throw new RetortError(
    'DownloadFailed',
    `${new URL(url).host} sent ${at} bytes where ${bytes.length} were asked for. Try again.`,
  )
}

/** What an answer holds: bytes from `skip` on are those that were asked for. */
interface Ranged {
  readonly kind: 'bytes'
  readonly body: ReadableStream<Uint8Array>
  readonly skip: number
  readonly size: number | undefined
}

async function ask(
  url: string,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<Ranged | { readonly kind: 'silent'; readonly why: unknown }> {
  let response: Response
  try {
    response = await fetch(url, {
      ...(signal ? { signal } : {}),
      headers: { Range: `bytes=${from}-${to - 1}` },
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
    })
  } catch (thrown) {
    signal?.throwIfAborted()
    return { kind: 'silent', why: thrown }
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw new RetortError('DownloadFailed', sentenceOfStatus(url, response.status))
  }
  const partial = response.status === 206
  const ranged = /\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1]
  const length = ranged ?? (partial ? null : response.headers.get('Content-Length'))
  return {
    kind: 'bytes',
    body: response.body,
    skip: partial ? 0 : from,
    size: length === null ? undefined : Number(length),
  }
}

/** Gives `count` bytes behind the first `skip`, piece by piece with their places; the rest of the stream is not asked for. */
async function readUpTo(
  body: ReadableStream<Uint8Array>,
  skip: number,
  count: number,
  take: (piece: Uint8Array, place: number) => void,
): Promise<void> {
  const reader = body.getReader()
  for (let at = -skip; at < count;) {
    const { done, value } = await reader.read()
    if (done) return
    const from = Math.max(0, -at)
    if (value.length > from) take(value.subarray(from, Math.min(value.length, count - at)), Math.max(0, at))
    at += value.length
  }
  await reader.cancel()
}
