// Knows: how parts of a file at an address are read without downloading the rest.
import { RetortError } from '../../src/protocol/errors.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { fetchWatched } from '../network/fetch-watched.ts'
import { nameInAddress, pause, requireAddress, sentenceOfStatus } from './fetch-model.ts'

/**
 * A source that requests ranges from the server. Without range support the file is read from its start and the rest is
 * cancelled, which is enough for headers. Throws `DownloadFailed` if the address does not respond or does not report the file's size.
 */
export async function openAddress(url: string, signal?: AbortSignal): Promise<ByteSource> {
  requireAddress(url)
  const first = await readRange(url, 0, 1, signal)
  if (first.total === undefined)
    throw new RetortError(
      'DownloadFailed',
      'This server does not report the size of the file. Download it and open it from disk.',
    )
  return sourceAt(url, nameInAddress(url), first.total, signal)
}

/** A source of known size: no request is made before it is read. */
export const sourceAt = (url: string, name: string, size: number, signal?: AbortSignal): ByteSource => ({
  name,
  size,
  read: async (from, to) =>
    from === to ? new Uint8Array(0) : (await readRange(url, from, to, signal)).bytes,
})

/** Attempts without a new byte before reading fails, and the milliseconds between them. */
const ATTEMPTS = 3
const PAUSE = 300

/** Bytes [from, to), over as many responses as necessary: a broken connection is resumed where it ended. */
async function readRange(
  url: string,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array; total: number | undefined }> {
  const bytes = new Uint8Array(to - from)
  let at = 0
  let total: number | undefined
  for (let failures = 0; failures < ATTEMPTS;) {
    const before = at
    const response = await requestRange(url, from + at, to, signal)
    if (response.kind === 'failed') {
      // A kept-alive connection that was closed in the meantime fails like this, so one more attempt is made.
      if (++failures >= 2)
        throw new RetortError(
          'DownloadFailed',
          `${new URL(url).host} did not respond, or does not allow other pages to read its files (CORS). Check the address and the connection, or download the file and open it from disk.`,
          { cause: response.reason },
        )
      continue
    }
    const { body, skip, size } = response
    total = size
    try {
      await readUpTo(body, skip, bytes.length - at, (piece, offset) => {
        bytes.set(piece, before + offset)
        at = before + offset + piece.length
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
    `${new URL(url).host} sent ${at} of ${bytes.length} requested bytes. Try again.`,
  )
}

/** A response's body: the requested bytes start at `skip`. */
interface RangeResponse {
  readonly kind: 'bytes'
  readonly body: ReadableStream<Uint8Array>
  readonly skip: number
  readonly size: number | undefined
}

async function requestRange(
  url: string,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<RangeResponse | { readonly kind: 'failed'; readonly reason: unknown }> {
  let response: Response
  try {
    response = await fetchWatched(url, {
      ...(signal ? { signal } : {}),
      headers: { Range: `bytes=${from}-${to - 1}` },
    })
  } catch (thrown) {
    signal?.throwIfAborted()
    return { kind: 'failed', reason: thrown }
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

/** Passes on `count` bytes after the first `skip`, piece by piece with their offsets; cancels the rest of the stream. */
async function readUpTo(
  body: ReadableStream<Uint8Array>,
  skip: number,
  count: number,
  take: (piece: Uint8Array, offset: number) => void,
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
