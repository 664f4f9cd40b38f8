// Knows: how a streamed body is divided into values: server-sent events, or values of JSON one after another.
// Must not know: what the values mean. Linear in the body's length, whatever the sizes of its pieces.
import { readPieces, type BodyBounds } from './read-body.ts'
import { ServerError } from './server-error.ts'

/**
 * The values of a streamed body, each as text, up to `[DONE]`. The body's beginning decides its form, not its header: some servers send
 * events as `application/json`, others one whole response, or a value on each line. Throws an `interrupted` error if events or lines end
 * without `[DONE]`; the reader of the values knows whether they were complete by then.
 */
export async function* readStream(
  body: ReadableStream<Uint8Array> | null,
  bounds: BodyBounds,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const pieces = readPieces(body, bounds, signal)
  try {
    let begun = ''
    while (begun.trimStart() === '') {
      const { done, value } = await pieces.next()
      if (done) break
      begun += value
    }
    yield* /^\s*[[{<]/.test(begun) ? readValues(begun, pieces) : readEvents(begun, pieces, bounds)
  } finally {
    await pieces.return(undefined) // closes the connection if the reader stops early
  }
}

const endedEarly = (): ServerError =>
  new ServerError('interrupted', 'The response ended before the server marked it as complete.')

/** What is not JSON is one value: its reader reports it. */
async function* readValues(begun: string, pieces: AsyncIterable<string>): AsyncGenerator<string> {
  const ends = new JsonEnds()
  let open: string[] = []
  let values = 0
  for await (const piece of prepend(begun, pieces)) {
    let begin = 0
    for (const end of ends.find(piece)) {
      values += 1
      yield [...open, piece.slice(begin, end)].join('')
      open = []
      begin = end
    }
    open.push(piece.slice(begin))
  }
  const rest = open.join('')
  if (values === 0) yield rest
  else if (values > 1 || rest.trim() !== '') throw endedEarly()
}

/** An event may have several lines of data. Some servers leave out the empty line between two events. */
async function* readEvents(
  begun: string,
  pieces: AsyncIterable<string>,
  bounds: BodyBounds,
): AsyncGenerator<string> {
  let event: string[] = []
  let ends = new JsonEnds()
  let length = 0
  let isWhole = false
  let unknown: string | undefined
  let events = 0
  const take = (): string => {
    const data = event.join('\n')
    event = []
    ends = new JsonEnds()
    length = 0
    isWhole = false
    events += 1
    return data
  }
  for await (const line of readLines(prepend(begun, pieces), bounds)) {
    if (line === '') {
      if (event.length > 0) yield take()
      continue
    }
    if (!/^(?::|data|event|id|retry)/.test(line)) unknown ??= line
    const data = line.startsWith('data:') ? line.slice(5).trim() : ''
    if (data === '') continue
    if (event.length > 0 && (isWhole || data === '[DONE]')) yield take()
    if (data === '[DONE]') return
    event.push(data)
    isWhole = ends.find(data).at(-1) === data.length
    length += data.length
    if (length > bounds.line) throw tooLong(bounds)
  }
  if (event.length > 0) yield take()
  if (events === 0 && unknown !== undefined) yield unknown // its reader reports that it is not JSON
  throw endedEarly()
}

const tooLong = ({ line }: BodyBounds): ServerError =>
  new ServerError('malformed', `The server sent a line of more than ${line} characters.`)

/** Lines without their ends. Only the new piece is searched, never the line that is still open. */
async function* readLines(pieces: AsyncIterable<string>, bounds: BodyBounds): AsyncGenerator<string> {
  let open: string[] = []
  let length = 0
  let afterReturn = false
  for await (const piece of pieces) {
    if (piece === '') continue
    let begin = afterReturn && piece.startsWith('\n') ? 1 : 0
    afterReturn = piece.endsWith('\r')
    for (const { 0: mark, index } of piece.matchAll(/\r\n|\n|\r/g)) {
      if (index < begin) continue
      yield [...open, piece.slice(begin, index)].join('')
      open = []
      length = 0
      begin = index + mark.length
    }
    open.push(piece.slice(begin))
    length += piece.length - begin
    if (length > bounds.line) throw tooLong(bounds)
  }
  if (length > 0) yield open.join('')
}

async function* prepend(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first
  yield* rest
}

/** Finds where objects and lists of JSON end in a text that comes in pieces; each character is read once. */
class JsonEnds {
  #depth = 0
  #inText = false
  #escaped = false

  /** The places in this piece after the last character of each outermost value. */
  find(piece: string): readonly number[] {
    const found: number[] = []
    for (let at = 0; at < piece.length; at++) {
      const letter = piece[at]
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false
        else if (letter === '\\') this.#escaped = true
        else if (letter === '"') this.#inText = false
      } else if (letter === '"') this.#inText = true
      else if (letter === '{' || letter === '[') this.#depth += 1
      else if ((letter === '}' || letter === ']') && this.#depth > 0) {
        this.#depth -= 1
        if (this.#depth === 0) found.push(at + 1)
      }
    }
    return found
  }
}
