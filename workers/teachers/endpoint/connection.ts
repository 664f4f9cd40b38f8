// Knows: how a server is asked by HTTP: what is sent along and what is not, and which fault stands for which answer.
// Must not know: what is asked (ask.ts), what answers mean (parse.ts).
import { rootOf, sentenceOfSilence } from './address.ts'
import { Fault, waitOf } from './fault.ts'
import { parseErrorSentence, parseJson } from './parse.ts'
import { readEvents, readWhole, type BodyBounds } from './read-body.ts'
import type { Json } from '../../../src/domain/hash.ts'

export interface ConnectionOptions {
  /** Milliseconds until the first byte of an answer: a server that works on one row at a time lets the others wait. Default 15 minutes. */
  readonly patienceMs?: number
  /** Milliseconds between two bytes. Default 2 minutes. */
  readonly stallMs?: number
}

export type Body = { readonly [field: string]: Json | undefined }

/** Bytes of one answer: a list of likeliest tokens is the longest that is asked for. */
const MOST_BYTES = 64 * 2 ** 20
const MOST_LINE = 2 ** 20

export class Connection {
  readonly url: string
  readonly #key: string | undefined
  readonly #patienceMs: number
  readonly #bounds: BodyBounds

  /** `url` as `requireEndpoint` gives it; `key` is sent to it and nowhere else. */
  constructor(
    url: string,
    key: string | undefined,
    { patienceMs = 900_000, stallMs = 120_000 }: ConnectionOptions = {},
  ) {
    this.url = url
    this.#key = key
    this.#patienceMs = patienceMs
    this.#bounds = { bytes: MOST_BYTES, line: MOST_LINE, patienceMs, stallMs }
  }

  /** Asks a path below the address, or (`~/…`) below what stands above `/v1`. A body makes it a POST. Throws a `Fault` or an AbortError. */
  async ask(path: string, signal: AbortSignal, body?: Body): Promise<unknown> {
    const response = await this.#send(path, signal, body)
    return parseJson(await readWhole(response.body, this.#bounds, signal))
  }

  /** Asks for a stream of events and gives each as parsed JSON. Throws as `ask` does. */
  async *stream(path: string, signal: AbortSignal, body: Body): AsyncGenerator<unknown> {
    const response = await this.#send(path, signal, body)
    // A server that cannot stream answers at once and whole.
    if (/json/i.test(response.headers.get('Content-Type') ?? ''))
      yield parseJson(await readWhole(response.body, this.#bounds, signal))
    else for await (const data of readEvents(response.body, this.#bounds, signal)) yield parseJson(data)
  }

  async #send(path: string, signal: AbortSignal, body: Body | undefined): Promise<Response> {
    signal.throwIfAborted()
    const address = path.startsWith('~') ? rootOf(this.url) + path.slice(1) : `${this.url}${path}`
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), this.#patienceMs)
    let response: Response
    try {
      response = await fetch(address, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(this.#key ? { Authorization: `Bearer ${this.#key}` } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, late.signal]),
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
        // Elsewhere nobody was asked whether the key and the texts may go there.
        redirect: 'error',
      })
    } catch {
      signal.throwIfAborted()
      if (late.signal.aborted)
        throw new Fault(
          'cut',
          `The server did not begin to answer for ${Math.round(this.#patienceMs / 1000)} seconds.`,
        )
      throw new Fault('unreachable', sentenceOfSilence(this.url))
    } finally {
      clearTimeout(timer)
    }
    if (response.ok) return response
    const text = await readWhole(response.body, { ...this.#bounds, bytes: 2 ** 16 }, signal).catch(() => '')
    signal.throwIfAborted()
    throw faultOfStatus(response, text, new URL(this.url).host)
  }
}

function faultOfStatus({ status, headers }: Response, text: string, host: string): Fault {
  const said = parseErrorSentence(text)
  const detail = said === '' ? '' : `: ${said}`
  // Over origins a page sees this header only where the server exposes it; else the pauses are our own.
  const wait = waitOf(headers.get('Retry-After'), Date.now())
  if (status === 401 || status === 403)
    return new Fault(
      'closed',
      `${host} does not accept the key (${status})${detail}. Type the key that it was started with, or that your account there gives.`,
    )
  if (status === 404)
    return new Fault(
      'closed',
      `${host} has no such model or no such way of asking (404)${detail}. Look at its list of models again.`,
    )
  if (status === 408 || status === 429 || status === 503)
    return new Fault('busy', `${host} has too much to do (${status})${detail}.`, wait)
  if (status >= 500) return new Fault('failed', `${host} failed (${status})${detail}.`, wait)
  return new Fault('refused', `${host} refused this request (${status})${detail}.`)
}
