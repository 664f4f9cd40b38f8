// Knows: a program with OpenAI's protocol over HTTP, as real ones have it, and a model that is a hash: each token follows from the text
// before it, so that greedy texts, seeds, filters and log-probabilities are consistent. And the ways in which such a program misbehaves.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hashOf } from '../../src/domain/hash.ts'

/** The end token is last. No more tokens than the protocol's longest top-k list. */
export const VOCABULARY = [
  ' market',
  ' bread',
  ' is',
  ' yes',
  ' no',
  ' perhaps',
  ' one',
  ' fish',
  ' finds',
  ' there',
  ' and',
  ' 1',
  ' 2',
  ' 3',
  ' 4',
  ' 5',
  ' cheese',
  ' stall',
  ' early',
  '',
]
const END = VOCABULARY.length - 1
export const CONTEXT = 256

type Fields = Readonly<Record<string, unknown>>
interface ReceivedRequest {
  readonly path: string
  readonly method: string
  readonly headers: IncomingMessage['headers']
  readonly body: Fields
}

/** Log-probabilities of the next token, before temperature and filters. */
export function logitsOf(before: string): number[] {
  const hash = hashOf(['model', before])
  const raw = VOCABULARY.map((_, i) =>
    i === END ? -4 : (4 * Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16)) / 255,
  )
  const total = Math.log(raw.reduce((sum, value) => sum + Math.exp(value), 0))
  return raw.map((value) => value - total)
}

const numberOf = (value: unknown, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise
const best = (logs: readonly number[]): number => logs.indexOf(Math.max(...logs))

/** Samples as a server does: penalty, temperature, top-k, min-p. */
export function sample(
  logs: readonly number[],
  body: Fields,
  written: string,
  seed: string,
  supports: ReadonlySet<string>,
): number {
  const penalty = supports.has('repeat_penalty') ? numberOf(body['repeat_penalty'], 1) : 1
  const shaped = logs.map((log, i) =>
    penalty !== 1 && written.includes(VOCABULARY[i] || '\0') ? log * penalty : log,
  )
  const temperature = numberOf(body['temperature'], 1)
  if (temperature === 0) return best(shaped)
  const max = Math.max(...shaped)
  const order = [...shaped.keys()].toSorted((a, b) => (shaped[b] ?? 0) - (shaped[a] ?? 0))
  const topK = supports.has('top_k') ? numberOf(body['top_k'], 0) || order.length : order.length
  const minP = supports.has('min_p') ? numberOf(body['min_p'], 0) : 0
  const kept = order.slice(0, topK).filter((i) => Math.exp((shaped[i] ?? 0) - max) >= minP)
  const weights = kept.map((i) => Math.exp(((shaped[i] ?? 0) - max) / temperature))
  let left =
    (Number.parseInt(hashOf(['draw', seed, written]).slice(0, 8), 16) / 2 ** 32) *
    weights.reduce((sum, weight) => sum + weight, 0)
  for (const [n, weight] of weights.entries()) if ((left -= weight) < 0) return kept[n] ?? END
  return kept.at(-1) ?? END
}

export type Feature =
  | 'seed'
  | 'logprobs'
  | 'top_k'
  | 'min_p'
  | 'repeat_penalty'
  | 'response_format'
  | 'grammar'
  | 'prefill'
  | 'raw'
  | 'usage'
  | 'echo'
  | 'stop'
const ALL_FEATURES: readonly Feature[] = [
  'seed',
  'logprobs',
  'top_k',
  'min_p',
  'repeat_penalty',
  'response_format',
  'grammar',
  'prefill',
  'raw',
  'usage',
  'echo',
  'stop',
]

/** Handles a request in its own way; returns true if it did. */
export type Mishap = (request: ReceivedRequest, response: ServerResponse) => boolean | void

export class ModelServer {
  readonly requests: ReceivedRequest[] = []
  supports: ReadonlySet<string> = new Set(ALL_FEATURES)
  /** Fields whose presence is refused, as strict servers do. */
  refuses: readonly string[] = []
  mishap: Mishap = () => false
  key: string | undefined
  /** Milliseconds between two tokens of a stream. */
  slow = 0
  /** Requests in flight, and the maximum so far. */
  inFlight = 0
  maxInFlight = 0
  list: unknown = {
    object: 'list',
    data: [{ id: 'hash-1', object: 'model', owned_by: 'a test', max_model_len: CONTEXT }],
  }
  readonly #server = createServer((request, response) => void this.#respond(request, response))

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1` // a listening TCP server has one
  }
  /** Requests for completions so far. */
  get completions(): readonly ReceivedRequest[] {
    return this.requests.filter(({ path }) => path.endsWith('/completions'))
  }

  start = (): Promise<void> => new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type')
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    let text = ''
    for await (const piece of request) text += String(piece)
    const body: Fields = text === '' ? {} : JSON.parse(text)
    const received: ReceivedRequest = {
      path: request.url ?? '',
      method: request.method ?? '',
      headers: request.headers,
      body,
    }
    this.requests.push(received)
    if (this.mishap(received, response) === true) return
    const refuse = (status: number, message: string): void =>
      this.send(response, { error: { message, type: 'invalid_request_error' } }, status)
    if (this.key !== undefined && request.headers.authorization !== `Bearer ${this.key}`)
      return refuse(401, 'Incorrect API key provided')
    if (received.path === '/v1/models') return this.send(response, this.list)
    const chat = received.path === '/v1/chat/completions'
    if (!chat && received.path !== '/v1/completions') return refuse(404, 'Not Found')
    const unknown = this.refuses.find((name) => name in body)
    if (unknown !== undefined) return refuse(400, `Unrecognized request argument supplied: ${unknown}`)
    this.inFlight += 1
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
    response.on('close', () => (this.inFlight -= 1))
    await this.#complete(body, chat, response, refuse)
  }

  send(response: ServerResponse, json: unknown, status = 200): void {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(json))
  }

  async #complete(
    body: Fields,
    chat: boolean,
    response: ServerResponse,
    refuse: (status: number, message: string) => void,
  ): Promise<void> {
    const prompt = this.#promptOf(body, chat)
    const promptTokens = prompt.trim().split(/\s+/).length
    if (promptTokens > CONTEXT)
      return refuse(
        400,
        `This model's maximum context length is ${CONTEXT} tokens, and ${promptTokens} were sent`,
      )
    const forced = this.#forcedOf(body)
    const stops = this.supports.has('stop') && Array.isArray(body['stop']) ? body['stop'].map(String) : []
    const seed = this.supports.has('seed') ? String(body['seed']) : String(Math.random())
    const top = !this.supports.has('logprobs')
      ? undefined
      : chat
        ? body['logprobs'] === true
          ? numberOf(body['top_logprobs'], 0)
          : undefined
        : typeof body['logprobs'] === 'number'
          ? body['logprobs']
          : undefined
    const limit = numberOf(body['max_tokens'], 64)
    const stream = body['stream'] === true
    if (stream) response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const all: { text: string; logs: number[]; token: number }[] = []
    let written = ''
    let finish = 'length'
    while (all.length < limit && finish === 'length') {
      const logs = logitsOf(prompt + written)
      const token = sample(logs, body, written, seed, this.supports)
      const text = forced === undefined ? (VOCABULARY[token] ?? '') : (forced[all.length] ?? '')
      written += text
      if (text !== '') all.push({ text, logs, token })
      if (text === '' || stops.some((stop) => written.includes(stop))) finish = 'stop'
    }
    // A partial stop text is not sent, as with real servers.
    const end = Math.min(
      ...stops.map((stop) => written.indexOf(stop)).filter((at) => at >= 0),
      written.length,
    )
    let begin = 0
    const pieces = all.flatMap((piece) => {
      const text = piece.text.slice(0, Math.max(0, end - begin))
      begin += piece.text.length
      return text === '' ? [] : [{ ...piece, text }]
    })
    for (const piece of stream ? pieces : []) {
      if (this.slow > 0) await new Promise((resolve) => setTimeout(resolve, this.slow))
      if (response.destroyed) return
      this.#event(response, this.#choice(chat, true, [piece], null, top))
    }
    const usage = this.supports.has('usage')
      ? { usage: { prompt_tokens: promptTokens, completion_tokens: pieces.length } }
      : {}
    if (!stream) {
      const echoed = body['echo'] === true && this.supports.has('echo') ? this.#echo(prompt) : undefined
      return this.send(response, { ...this.#choice(chat, false, pieces, finish, top, echoed), ...usage })
    }
    this.#event(response, this.#choice(chat, true, [], finish, undefined))
    if ('stream_options' in body) this.#event(response, { choices: [], ...usage })
    response.end('data: [DONE]\n\n')
  }

  #promptOf(body: Fields, chat: boolean): string {
    if (!chat)
      return this.supports.has('raw')
        ? String(body['prompt'])
        : `<template around> the text ${String(body['prompt'])} <and after>`
    const messages = body['messages'] as readonly { role: string; content: string }[] // the tests' own
    const last = messages.at(-1)
    const prefix = last?.role === 'assistant' && this.supports.has('prefill') ? last.content : ''
    return `${messages
      .slice(0, prefix ? -1 : undefined)
      .map(({ role, content }) => `<${role}> ${content}`)
      .join('\n')}\n<assistant>${prefix}`
  }

  #forcedOf(body: Fields): readonly string[] | undefined {
    const last = (body['messages'] as readonly { role: string; content: string }[] | undefined)?.at(-1)
    if (last?.content === 'A B C D E F' && this.supports.has('prefill')) return [' G']
    if (this.supports.has('response_format') && 'response_format' in body) {
      const name = /"required":\["(\w+)"\]/.exec(JSON.stringify(body['response_format']))?.[1] ?? 'b'
      return ['{"', name, '": ', 'true', '}']
    }
    if (this.supports.has('grammar') && typeof body['grammar'] === 'string')
      return [/"([^"]+)"/.exec(body['grammar'])?.[1] ?? '']
    return undefined
  }

  #choice(
    chat: boolean,
    stream: boolean,
    pieces: readonly { text: string; logs: number[]; token: number }[],
    finish: string | null,
    top: number | undefined,
    echoed?: { text: string; logprobs: unknown },
  ): { choices: unknown[] } {
    const content = pieces.map(({ text }) => text).join('')
    const topOf = (logs: number[]): [string, number][] =>
      [...logs.keys()]
        .toSorted((a, b) => (logs[b] ?? 0) - (logs[a] ?? 0))
        .slice(0, top)
        .map((i) => [VOCABULARY[i] ?? '', logs[i] ?? 0])
    const chatLogs = {
      content: pieces.map(({ text, logs, token }) => ({
        token: text,
        logprob: logs[token],
        top_logprobs: topOf(logs).map(([of, log]) => ({ token: of, logprob: log })),
      })),
    }
    const textLogs = {
      tokens: pieces.map(({ text }) => text),
      token_logprobs: pieces.map(({ logs, token }) => logs[token]),
      top_logprobs: pieces.map(({ logs }) => Object.fromEntries(topOf(logs))),
    }
    const logprobs =
      echoed?.logprobs ?? (top === undefined || pieces.length === 0 ? null : chat ? chatLogs : textLogs)
    return {
      choices: [
        {
          index: 0,
          ...(chat
            ? stream
              ? { delta: { content } }
              : { message: { role: 'assistant', content } }
            : { text: (echoed?.text ?? '') + content }),
          logprobs,
          finish_reason: finish,
        },
      ],
    }
  }

  /** Words of a text with the log-probability of each; unknown words are unlikely. */
  #echo(prompt: string): { text: string; logprobs: unknown } {
    const tokens = prompt.match(/\s*\S+/g) ?? []
    const logs = tokens.map((token, i) =>
      i === 0 ? null : (logitsOf(tokens.slice(0, i).join(''))[VOCABULARY.indexOf(token)] ?? -12),
    )
    return { text: prompt, logprobs: { tokens, token_logprobs: logs, top_logprobs: tokens.map(() => null) } }
  }

  #event(response: ServerResponse, json: unknown): void {
    response.write(`data: ${JSON.stringify(json)}\n\n`)
  }
}

/** The model's log-probability of a word after a chat's only question and the start of an answer. */
export const logProbOf = (question: string, prefix: string, word: string): number =>
  logitsOf(`<user> ${question}\n<assistant>${prefix}`)[VOCABULARY.indexOf(word)] ?? Number.NaN
