// Knows: how a server is called over HTTP: what is sent and what is not, and which error each failed response becomes.
// Must not know: what a request contains (write-request.ts), what responses mean (parse.ts).
import { isOwnOllama, rootOf } from './address.ts'
import {
  causeOfSilence,
  fetchOptions,
  refusalOf,
  readEnvironment,
  type BrowserEnvironment,
} from './browser-rules.ts'
import { ServerError, retryAfterMs } from './server-error.ts'
import { parseErrorSentence, parseJson } from './parse.ts'
import { fromOwnResponse, toOwnRequest } from './ollama-protocol.ts'
import { readWhole, type BodyBounds } from './read-body.ts'
import { readStream } from './read-stream.ts'
import { toWellFormed } from './well-formed.ts'
import type { Body } from './json.ts'
import { fetchBeyond } from '../../network/fetch-beyond.ts'

export interface ConnectionOptions {
  /** Milliseconds until the first byte of a response: a server that works on one row at a time queues the others. Default 15 minutes. */
  readonly firstByteTimeoutMs?: number
  /** Milliseconds between two bytes. Default 2 minutes. */
  readonly stallTimeoutMs?: number
  /** Default: this browser and this page. */
  readonly environment?: BrowserEnvironment
}

/** Max bytes of one response; lists of top tokens are the longest. */
const MAX_BYTES = 64 * 2 ** 20
/** Max characters of a line. */
const MAX_LINE = 2 ** 20

/** Servers refuse JSON with half a surrogate pair. */
const wellFormedTexts = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? toWellFormed(value) : value

export class Connection {
  readonly url: string
  readonly #key: string | undefined
  readonly #firstByteTimeoutMs: number
  readonly #bounds: BodyBounds
  readonly #environment: BrowserEnvironment

  /** `url`: a base of `listBases`; `key` is sent to it and nowhere else. */
  constructor(
    url: string,
    key: string | undefined,
    {
      firstByteTimeoutMs = 900_000,
      stallTimeoutMs = 120_000,
      environment = readEnvironment(),
    }: ConnectionOptions = {},
  ) {
    this.url = url
    this.#key = key
    this.#environment = environment
    this.#firstByteTimeoutMs = firstByteTimeoutMs
    this.#bounds = { bytes: MAX_BYTES, line: MAX_LINE, firstByteTimeoutMs, stallTimeoutMs }
  }

  /**
   * Requests a path below the address or, as `~/…`, below the address without its protocol. With a body it is a POST. Responses of Ollama's
   * own protocol have the form of OpenAI's. Throws a `ServerError` or an AbortError.
   */
  async request(path: string, signal: AbortSignal, body?: Body): Promise<unknown> {
    const isTranslated = this.#isTranslated(path)
    const sent = isTranslated ? toOwnRequest(path, body) : { path, body }
    const response = await this.#send(sent.path, signal, sent.body)
    const json = parseJson(await readWhole(response.body, this.#bounds, signal))
    return isTranslated ? fromOwnResponse(path, json) : json
  }

  /**
   * Requests a stream and yields each of its values as parsed JSON; a server that cannot stream sends one. Throws as `request` does, and an
   * `interrupted` error if the stream ends without a mark.
   */
  async *stream(path: string, signal: AbortSignal, body: Body): AsyncGenerator<unknown> {
    const isTranslated = this.#isTranslated(path)
    const sent = isTranslated ? toOwnRequest(path, body) : { path, body }
    const response = await this.#send(sent.path, signal, sent.body)
    for await (const data of readStream(response.body, this.#bounds, signal)) {
      const json = parseJson(data)
      yield isTranslated ? fromOwnResponse(path, json) : json
    }
  }

  #isTranslated(path: string): boolean {
    return isOwnOllama(this.url) && !path.startsWith('~')
  }

  async #send(path: string, signal: AbortSignal, body: Body | undefined): Promise<Response> {
    signal.throwIfAborted()
    const address = path.startsWith('~') ? rootOf(this.url) + path.slice(1) : `${this.url}${path}`
    const blocked = refusalOf(this.url, this.#environment)
    if (blocked !== undefined) throw new ServerError('blocked', blocked)
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(), this.#firstByteTimeoutMs)
    let response: Response
    try {
      response = await fetchBeyond(address, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(this.#key ? { Authorization: `Bearer ${this.#key}` } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body, wellFormedTexts) }),
        signal: AbortSignal.any([signal, timeout.signal]),
        // The person has not agreed to send the key and the texts to another host.
        redirect: 'error',
        ...fetchOptions(this.url, this.#environment),
      })
    } catch {
      signal.throwIfAborted()
      if (timeout.signal.aborted)
        throw new ServerError(
          'interrupted',
          `The server did not respond for ${Math.round(this.#firstByteTimeoutMs / 1000)} seconds.`,
        )
      throw new ServerError('unreachable', await causeOfSilence(this.url, this.#environment))
    } finally {
      clearTimeout(timer)
    }
    if (response.ok) return response
    const text = await readWhole(response.body, { ...this.#bounds, bytes: 2 ** 16 }, signal).catch(() => '')
    signal.throwIfAborted()
    throw errorOfStatus(response, text, new URL(this.url).host)
  }
}

function errorOfStatus({ status, headers }: Response, text: string, host: string): ServerError {
  const sentence = parseErrorSentence(text)
  const detail = sentence === '' ? '' : `: ${sentence}`
  // Across origins a page sees this header only if the server exposes it; otherwise the pauses are our own.
  const wait = retryAfterMs(headers.get('Retry-After'), Date.now())
  if (status === 401 || status === 403)
    return new ServerError(
      'denied',
      `${host} does not accept the key (${status})${detail}. Enter the key that it was started with, or the key of your account there.`,
    )
  if (status === 404)
    return new ServerError(
      'denied',
      `${host} has no such model or endpoint (404)${detail}. Check its list of models.`,
      undefined,
      true,
    )
  if (status === 408 || status === 429 || status === 503)
    return new ServerError('overloaded', `${host} is overloaded (${status})${detail}.`, wait)
  if (status >= 500) return new ServerError('failed', `${host} failed (${status})${detail}.`, wait)
  return new ServerError('refused', `${host} refused this request (${status})${detail}.`)
}
