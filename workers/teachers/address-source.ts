// Knows: how the beginning of a file at an address is read without downloading the rest.
import { RetortError } from '../../src/protocol/errors.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { nameInAddress, requireAddress } from './fetch-model.ts'

/**
 * A source that asks the server for ranges. Servers that know none are read from the beginning and cut off, which serves
 * for headers. Throws `DownloadFailed` where the address does not answer, or does not say how large the file is.
 */
export async function openAddress(url: string, signal?: AbortSignal): Promise<ByteSource> {
  requireAddress(url)
  const first = await readRange(url, 0, 1, signal)
  if (first.total === undefined) throw new RetortError('DownloadFailed', 'This server does not say how large the file is. Download it and open it from disk.')
  return sourceAt(url, nameInAddress(url), first.total, signal)
}

/** A source whose size is known already: nothing is asked for before it is read. */
export const sourceAt = (url: string, name: string, size: number, signal?: AbortSignal): ByteSource => ({
  name,
  size,
  read: async (from, to) => (from === to ? new Uint8Array(0) : (await readRange(url, from, to, signal)).bytes),
})

async function readRange(url: string, from: number, to: number, signal: AbortSignal | undefined): Promise<{ bytes: Uint8Array; total: number | undefined }> {
  let response: Response
  try {
    response = await fetch(url, { ...(signal ? { signal } : {}), headers: { Range: `bytes=${from}-${to - 1}` }, credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store' })
  } catch (thrown) {
    signal?.throwIfAborted()
    throw new RetortError('DownloadFailed', `${new URL(url).host} did not answer, or does not allow other pages to read its files (CORS). Check the address and the connection, or download the file and open it from disk.`, { cause: thrown })
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw new RetortError('DownloadFailed', `${new URL(url).host} answered ${response.status} for this address. Check the address.`)
  }
  const partial = response.status === 206
  const ranged = /\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1]
  const length = response.headers.get('Content-Length')
  const total = ranged ?? (partial ? undefined : length)
  const skip = partial ? 0 : from
  const bytes = await readUpTo(response.body, skip, to - from)
  return { bytes, total: total === undefined || total === null ? undefined : Number(total) }
}

/** `count` bytes behind the first `skip`; the rest of the stream is not asked for. */
async function readUpTo(body: ReadableStream<Uint8Array>, skip: number, count: number): Promise<Uint8Array> {
  const out = new Uint8Array(count)
  const reader = body.getReader()
  let at = -skip
  while (at < count) {
    const { done, value } = await reader.read()
    if (done) break
    const from = Math.max(0, -at)
    if (value.length > from) out.set(value.subarray(from, Math.min(value.length, count - at)), Math.max(0, at))
    at += value.length
  }
  await reader.cancel()
  if (at < count) throw new RetortError('DownloadFailed', `The server sent ${Math.max(0, at)} bytes where ${count} were asked for. Try again.`)
  return out
}
