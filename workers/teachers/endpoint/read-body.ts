// Knows: how a response's body is read within bounds on its length, on its lines and on the time without a byte.
// Must not know: what it contains (read-stream.ts).
import { ServerError } from './server-error.ts'

export interface BodyBounds {
  /** Max bytes of the whole body. */
  readonly bytes: number
  /** Max characters of a line. */
  readonly line: number
  /** Milliseconds until the first byte: some servers send headers at once and then queue the request. */
  readonly firstByteTimeoutMs: number
  /** Milliseconds without a byte after that. */
  readonly stallTimeoutMs: number
}

/** Yields text as it arrives. Cancels the body at the end, after an error and when the caller stops reading. */
export async function* readPieces(
  body: ReadableStream<Uint8Array> | null,
  { bytes, firstByteTimeoutMs, stallTimeoutMs }: BodyBounds,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (body === null) return
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let read = 0
  try {
    for (;;) {
      const { done, value } = await withTimeout(
        reader.read(),
        read === 0 ? firstByteTimeoutMs : stallTimeoutMs,
      )
      signal.throwIfAborted()
      if (done) break
      read += value.byteLength
      if (read > bytes)
        throw new ServerError('malformed', `The server sent more than ${bytes} bytes in one response.`)
      yield decoder.decode(value, { stream: true })
    }
    yield decoder.decode()
  } catch (thrown) {
    signal.throwIfAborted()
    if (thrown instanceof ServerError) throw thrown
    throw new ServerError('interrupted', 'The connection to the server ended in the middle of a response.')
  } finally {
    // Not awaited: a stalled connection must not block the caller.
    reader.cancel().catch(() => undefined)
  }
}

async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ServerError('interrupted', `The server sent nothing for ${Math.round(ms / 1000)} seconds.`),
        ),
      ms,
    )
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** The whole body as text. */
export async function readWhole(
  body: ReadableStream<Uint8Array> | null,
  bounds: BodyBounds,
  signal: AbortSignal,
): Promise<string> {
  let text = ''
  for await (const piece of readPieces(body, bounds, signal)) text += piece
  return text
}
