// Knows: how a model is downloaded from an address: in one request or several, resumed after an interruption, cancellable.
// Must not know: where the bytes go (a part that the caller opens), what they mean.
import { RetortError } from '../../src/protocol/errors.ts'
import { fetchWatched } from '../network/fetch-watched.ts'

/** Where a download's bytes go. `bytes` and `tag` describe what an earlier attempt left. */
export interface DownloadPart {
  readonly bytes: number
  readonly tag: string
  /** Truncates to `keep` bytes and continues from there; `tag` names the version of the file on the server. */
  restart(keep: number, tag: string): Promise<void>
  append(bytes: Uint8Array): Promise<void>
}

export interface FetchOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
  /** Attempts without a new byte before the download fails. Default 5. */
  readonly attempts?: number
  /** Milliseconds before the second attempt; doubled for each further one. Default 500. */
  readonly pauseMs?: number
}

/** The file's name in an address: its last part, or `model.gguf`. */
export function nameInAddress(url: string): string {
  const last = new URL(url).pathname.split('/').findLast((part) => part !== '') ?? ''
  try {
    return decodeURIComponent(last) || 'model.gguf'
  } catch {
    return last || 'model.gguf'
  }
}

/** Checks that an address is a web address; throws `DownloadFailed`. */
export function requireAddress(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (address === undefined || !/^https?:$/.test(address.protocol))
    throw new RetortError(
      'DownloadFailed',
      `“${url.slice(0, 120)}” is not a web address. It must begin with https:// (or http:// on this machine).`,
    )
  return address
}

/** A response for a file: its whole size, where its bytes begin, its version. */
interface FileResponse {
  readonly from: number
  readonly total: number | undefined
  readonly tag: string
  readonly body: ReadableStream<Uint8Array> | null
}

/** Downloads a whole file into a part and returns its size. Throws `DownloadFailed` with a sentence, or an AbortError. */
export async function fetchModel(
  url: string,
  part: DownloadPart,
  options: FetchOptions = {},
): Promise<number> {
  const { signal, onProgress, attempts = 5, pauseMs = 500 } = options
  requireAddress(url)
  let failures = 0
  for (;;) {
    const before = part.bytes
    try {
      const response = await requestFile(url, part, signal)
      if (response === 'complete') return part.bytes
      await appendBody(response, part, signal, onProgress)
      if (response.total === undefined || part.bytes === response.total) return part.bytes
      if (part.bytes > response.total) {
        await part.restart(0, '')
        throw new Error(`the server sent more than the ${response.total} bytes it announced`)
      }
      throw new Error(`the connection ended after ${part.bytes} of ${response.total} bytes`)
    } catch (thrown) {
      signal?.throwIfAborted()
      if (thrown instanceof RetortError || thrown instanceof DOMException) throw thrown
      failures = part.bytes > before ? 0 : failures + 1
      if (failures >= attempts)
        throw new RetortError('DownloadFailed', sentenceOfFailure(url, part.bytes, thrown), { cause: thrown })
      await pause(pauseMs * 2 ** failures, signal)
    }
  }
}

function sentenceOfFailure(url: string, bytes: number, thrown: unknown): string {
  const host = new URL(url).host
  const kept = bytes > 0 ? ` ${bytes} bytes are stored; load it again to resume.` : ''
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  return `The download from ${host} failed: ${detail}.${kept} Check the address and the connection; the server must also allow other pages to read the file (CORS).`
}

async function requestFile(
  url: string,
  part: DownloadPart,
  signal: AbortSignal | undefined,
): Promise<FileResponse | 'complete'> {
  const from = part.bytes
  const response = await fetchWatched(url, {
    ...(signal ? { signal } : {}),
    // A range of this form needs no preflight request; nothing personal is sent.
    headers: from > 0 ? { Range: `bytes=${from}-` } : {},
  })
  const tag = response.headers.get('ETag') ?? response.headers.get('Last-Modified') ?? ''
  const cancel = async (): Promise<void> => void (await response.body?.cancel())
  if (response.status === 416) {
    await cancel()
    const size = Number(/\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1] ?? Number.NaN)
    if (size === from) return 'complete'
    await part.restart(0, '')
    throw new Error('the file on the server is shorter than the stored part; it changed')
  }
  if (response.status >= 500 || response.status === 429 || response.status === 408) {
    await cancel()
    throw new Error(`the server responded with ${response.status}`)
  }
  if (!response.ok) {
    await cancel()
    throw new RetortError('DownloadFailed', sentenceOfStatus(url, response.status))
  }
  if (/^text\/html/i.test(response.headers.get('Content-Type') ?? '')) {
    await cancel()
    throw new RetortError(
      'DownloadFailed',
      'This address returns a web page, not a model file. Use the address of the file itself (on a model hub: its “download” link).',
    )
  }
  const length = response.headers.get('Content-Encoding')
    ? undefined
    : numberOf(response.headers.get('Content-Length'))
  if (response.status !== 206) {
    await part.restart(0, tag)
    return { from: 0, total: length, tag, body: response.body }
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('Content-Range') ?? '')
  // Content-Range may be hidden from other pages. The requested range is then assumed; the length is known anyway.
  const start = range ? Number(range[1]) : from
  const total =
    range && range[2] !== '*' ? Number(range[2]) : length === undefined ? undefined : start + length
  if (start !== from || (part.tag !== '' && tag !== '' && tag !== part.tag)) {
    await cancel()
    await part.restart(0, '')
    throw new Error('the file on the server changed; the download starts again')
  }
  if (part.tag !== tag) await part.restart(from, tag)
  return { from, total, tag, body: response.body }
}

const numberOf = (text: string | null): number | undefined =>
  text !== null && /^\d+$/.test(text) ? Number(text) : undefined

/** Why a server refused a file. */
export function sentenceOfStatus(url: string, status: number): string {
  const { host } = new URL(url)
  if (status === 401 || status === 403)
    return `${host} does not serve this file publicly (${status}). Download it with your account there and open it from disk.`
  if (status === 404 || status === 410)
    return `${host} has no file at this address (${status}). Check the address.`
  return `${host} refused the download (${status}). Check the address, or download the file and open it from disk.`
}

async function appendBody(
  { body, total }: FileResponse,
  part: DownloadPart,
  signal: AbortSignal | undefined,
  onProgress: FetchOptions['onProgress'],
): Promise<void> {
  onProgress?.(part.bytes, total ?? 0)
  const reader = body?.getReader()
  if (reader === undefined) return
  try {
    for (;;) {
      const { done, value } = await reader.read()
      signal?.throwIfAborted()
      if (done) return
      await part.append(value)
      onProgress?.(part.bytes, total ?? 0)
    }
  } catch (thrown) {
    await reader.cancel().catch(() => undefined)
    throw thrown
  }
}

/** Waits; rejects with an AbortError when stopped. */
export const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        reject(new DOMException('Stopped.', 'AbortError'))
      },
      { once: true },
    )
  })
