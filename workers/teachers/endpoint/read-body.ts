// Knows: how the body of an answer is read with bounds: on its length, on its lines, on the time in which no byte comes.
// Must not know: what it says.
import { Fault } from './fault.ts'

export interface BodyBounds {
  /** Bytes at most, of the whole body. */
  readonly bytes: number
  /** Characters of a line at most. */
  readonly line: number
  /** Milliseconds until the first byte: some servers say at once that they will answer, and then have a queue. */
  readonly patienceMs: number
  /** Milliseconds without a byte after that. */
  readonly stallMs: number
}

/** Pieces of text as they come. Cancels the body at the end, at a fault and when the reader leaves. */
async function* readPieces(
  body: ReadableStream<Uint8Array> | null,
  { bytes, patienceMs, stallMs }: BodyBounds,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (body === null) return
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let read = 0
  try {
    for (;;) {
      const { done, value } = await soon(reader.read(), read === 0 ? patienceMs : stallMs)
      signal.throwIfAborted()
      if (done) break
      read += value.byteLength
      if (read > bytes) throw new Fault('garbled', `The server sent more than ${bytes} bytes for one answer.`)
      yield decoder.decode(value, { stream: true })
    }
    yield decoder.decode()
  } catch (thrown) {
    signal.throwIfAborted()
    if (thrown instanceof Fault) throw thrown
    throw new Fault('cut', 'The connection to the server ended in the middle of an answer.')
  } finally {
    // Not awaited: a connection that is stuck must not hold the caller too.
    reader.cancel().catch(() => undefined)
  }
}

async function soon<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Fault('cut', `The server sent nothing for ${Math.round(ms / 1000)} seconds.`)),
      ms,
    )
  })
  try {
    return await Promise.race([promise, late])
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

/** The data of server-sent events, one line each, as all servers of this protocol send them. Ends before `[DONE]`, or throws a `cut` where none came. */
export async function* readEvents(
  body: ReadableStream<Uint8Array> | null,
  bounds: BodyBounds,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of readPieces(body, bounds, signal)) {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const data = dataOf(line)
      if (data === '[DONE]') return
      if (data !== '') yield data
    }
    if (rest.length > bounds.line)
      throw new Fault('garbled', `The server sent a line of more than ${bounds.line} characters.`)
  }
  const data = dataOf(rest)
  if (data === '[DONE]') return
  if (data !== '') yield data
  throw new Fault('cut', 'The answer ended before the server said that it was whole.')
}

/** What stands behind `data:`; nothing for comments and other fields. */
const dataOf = (line: string): string => (line.startsWith('data:') ? line.slice(5).trim() : '')
