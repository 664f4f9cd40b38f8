// Knows: Ollama's two protocols as version 0.12.11 serves them: its own under /api, with values on a line each, and OpenAI's under /v1.
// Its models are the hash of model-server.ts; some of them reason first. Forms of requests, responses and errors follow its documentation
// and source (api/types.go, openai/openai.go, server/routes.go).
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { logitsOf, sample, VOCABULARY } from './model-server.ts'

type Fields = Readonly<Record<string, unknown>>

export interface OllamaModel {
  /** With its tag. */
  readonly name: string
  readonly family: string
  /** `switch`: reasons unless switched off. `levels`: reasons always, more or less (gpt-oss). `old`: reasons in marks, which the server does not know. */
  readonly reasoning?: 'switch' | 'levels' | 'old'
}

export const QWEN: OllamaModel = { name: 'qwen3:0.6b', family: 'qwen3', reasoning: 'switch' }
export const GPT_OSS: OllamaModel = { name: 'gpt-oss:20b', family: 'gptoss', reasoning: 'levels' }
export const R1: OllamaModel = { name: 'deepseek-r1:1.5b', family: 'qwen2', reasoning: 'old' }
export const SMOLLM: OllamaModel = { name: 'smollm2:135m', family: 'llama' }

/** Tokens of the reasoning before every response: more than the probes that found nothing. */
const REASONING = [
  ...'Okay , the user wants something . Let me think about it for a while .'.split(' '),
  ...'First I look at the words , then at what they mean , and then I answer .'.split(' '),
].map((word, i) => (i === 0 ? word : ` ${word}`))
export const REASONING_TEXT = REASONING.join('')

interface Token {
  readonly text: string
  readonly isReasoning: boolean
  readonly logs: readonly number[]
  readonly token: number
}
interface Generated {
  readonly tokens: readonly Token[]
  readonly promptTokens: number
  readonly reason: 'stop' | 'length'
}

export class OllamaServer {
  readonly requests: { readonly path: string; readonly body: Fields; readonly origin: string | undefined }[] =
    []
  models: readonly OllamaModel[] = [SMOLLM, QWEN]
  /** False: a proxy that passes only its own protocol on. */
  hasV1 = true
  /** Log-probabilities came with 0.12.11. */
  hasLogProbs = true
  /** Its models never stop reasoning. */
  isEndless = false
  /** Pages that may read responses besides those of this machine, as in OLLAMA_ORIGINS. */
  origins: readonly string[] = []
  readonly #server = createServer((request, response) => void this.#respond(request, response))

  /** Its address without a path, as Ollama prints it. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` // a listening TCP server has one
  }
  get host(): string {
    return this.origin.slice('http://'.length)
  }
  start = (): Promise<void> => new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { origin } = request.headers
    if (origin !== undefined) {
      const isAllowed =
        /^https?:\/\/(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?$/.test(origin) ||
        this.origins.includes(origin)
      if (!isAllowed) return void response.writeHead(403).end()
      response.setHeader('Access-Control-Allow-Origin', origin)
      response.setHeader(
        'Access-Control-Allow-Headers',
        'Authorization,Content-Type,User-Agent,Accept,X-Requested-With',
      )
    }
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    let text = ''
    for await (const piece of request) text += String(piece)
    const path = request.url ?? ''
    const body: Fields = text === '' ? {} : JSON.parse(text)
    this.requests.push({ path, body, origin })
    const isV1 = path.startsWith('/v1/')
    if (isV1 && !this.hasV1)
      return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found')
    const get = request.method === 'GET'
    if (get && path === '/')
      return void response.writeHead(200, { 'Content-Type': 'text/plain' }).end('Ollama is running')
    if (get && path === '/api/version') return this.#send(response, { version: '0.12.11' })
    if (get && path === '/api/tags')
      return this.#send(response, { models: this.models.map((model) => this.#tagOf(model)) })
    if (get && path === '/v1/models')
      return this.#send(response, {
        object: 'list',
        data: this.models.map(({ name }) => ({
          id: name,
          object: 'model',
          created: 1_762_000_000,
          owned_by: 'library',
        })),
      })
    const refuse = (status: number, message: string): void =>
      this.#send(
        response,
        isV1
          ? {
              error: {
                message,
                type:
                  status === 404 ? 'not_found_error' : status === 400 ? 'invalid_request_error' : 'api_error',
                param: null,
                code: null,
              },
            }
          : { error: message },
        status,
      )
    if (get || !/^\/(api\/(chat|generate|show)|v1\/(chat\/)?completions)$/.test(path))
      return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found')
    const model = this.models.find(({ name }) => name === body['model'])
    if (model === undefined) return refuse(404, `model '${String(body['model'])}' not found`)
    if (path === '/api/show') return this.#send(response, this.#showOf(model))
    const effort = body['reasoning_effort']
    if (isV1 && effort !== undefined && !/^(none|low|medium|high)$/.test(String(effort)))
      return refuse(
        400,
        `invalid reasoning value: '${String(effort)}' (must be "high", "medium", "low", or "none")`,
      )
    const think = isV1
      ? effort === undefined
        ? undefined
        : effort === 'none'
          ? false
          : String(effort)
      : body['think']
    if (
      think !== undefined &&
      think !== false &&
      (model.reasoning === undefined || model.reasoning === 'old')
    )
      return refuse(400, `"${model.name}" does not support thinking`)
    const reasons =
      model.reasoning === 'levels' ||
      model.reasoning === 'old' ||
      (model.reasoning === 'switch' && think !== false)
    if (isV1) this.#serveV1(path, body, model, reasons, response)
    else this.#serveOwn(path, body, model, reasons, response)
  }

  #generate(
    prompt: string,
    settings: Fields,
    { reasoning }: OllamaModel,
    reasons: boolean,
    limit: number,
  ): Generated {
    const marks = reasoning === 'old'
    const before = reasons
      ? [...(marks ? ['<think>', '\n'] : []), ...REASONING, ...(marks ? ['\n', '</think>', '\n\n'] : [])]
      : []
    const stops = Array.isArray(settings['stop']) ? settings['stop'].map(String) : []
    const tokens: Token[] = []
    let [written, response] = ['', '']
    let reason: 'stop' | 'length' = 'length'
    const forced = this.#forcedOf(prompt, settings)
    while (tokens.length < limit) {
      const isReasoning = tokens.length < before.length || (reasons && this.isEndless)
      const logs = logitsOf(isReasoning ? `${prompt}${written}` : prompt + response)
      const token = isReasoning
        ? 0
        : sample(logs, settings, response, String(settings['seed'] ?? Math.random()), SUPPORTED)
      const at = tokens.length - before.length
      const text = isReasoning
        ? (before[tokens.length % before.length] ?? '')
        : forced === undefined
          ? (VOCABULARY[token] ?? '')
          : (forced[at] ?? '')
      if (text === '') {
        reason = 'stop'
        break
      }
      written += text
      if (!isReasoning) response += text
      // Stop texts count wherever they are generated, in the reasoning too.
      if (stops.some((stop) => written.includes(stop))) {
        reason = 'stop'
        break
      }
      tokens.push({ text, isReasoning: isReasoning && !marks, logs, token })
    }
    return { tokens, promptTokens: countTokens(prompt), reason }
  }

  #forcedOf(prompt: string, settings: Fields): readonly string[] | undefined {
    if (prompt.endsWith('A B C D E F')) return [' G']
    return 'format' in settings || 'response_format' in settings ? ['{"', 'b', '": ', 'true', '}'] : undefined
  }

  #serveOwn(
    path: string,
    body: Fields,
    model: OllamaModel,
    reasons: boolean,
    response: ServerResponse,
  ): void {
    const isChat = path === '/api/chat'
    const options = (body['options'] ?? {}) as Fields // the tests' own requests
    const prompt = isChat
      ? promptOf(body)
      : body['raw'] === true
        ? String(body['prompt'])
        : promptOf({ messages: [{ role: 'user', content: body['prompt'] }] })
    const settings = { ...options, ...(body['format'] === undefined ? {} : { format: body['format'] }) }
    const limit = Number(options['num_predict'] ?? 128)
    const { tokens, promptTokens, reason } = this.#generate(prompt, settings, model, reasons && isChat, limit)
    const valueOf = (list: readonly Token[]): Fields => {
      const join = (isReasoning: boolean): string =>
        list
          .filter((one) => one.isReasoning === isReasoning)
          .map(({ text }) => text)
          .join('')
      const thinking = join(true) === '' ? {} : { thinking: join(true) }
      return {
        model: model.name,
        created_at: new Date().toISOString(),
        ...(isChat
          ? { message: { role: 'assistant', content: join(false), ...thinking } }
          : { response: join(false) }),
        ...(body['logprobs'] === true && this.hasLogProbs && list.length > 0
          ? { logprobs: this.#logsOf(list, body) }
          : {}),
      }
    }
    const end = {
      done: true,
      done_reason: reason,
      total_duration: 9_000_000,
      load_duration: 1_000_000,
      prompt_eval_count: promptTokens,
      prompt_eval_duration: 2_000_000,
      eval_count: tokens.length + (reason === 'stop' ? 1 : 0),
      eval_duration: 5_000_000,
    }
    if (body['stream'] === false) return this.#send(response, { ...valueOf(tokens), ...end })
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
    for (const token of tokens) response.write(`${JSON.stringify({ ...valueOf([token]), done: false })}\n`)
    response.end(`${JSON.stringify({ ...valueOf([]), ...end })}\n`)
  }

  #serveV1(path: string, body: Fields, model: OllamaModel, reasons: boolean, response: ServerResponse): void {
    const isChat = path === '/v1/chat/completions'
    // Its templates are applied to texts too.
    const prompt = isChat
      ? promptOf(body)
      : promptOf({ messages: [{ role: 'user', content: body['prompt'] }] })
    // It reads these settings and ignores all others.
    const settings = Object.fromEntries(
      Object.entries(body).filter(([name]) => /^(temperature|top_p|seed|stop|response_format)$/.test(name)),
    )
    const { tokens, promptTokens, reason } = this.#generate(
      prompt,
      settings,
      model,
      reasons && isChat,
      Number(body['max_tokens'] ?? 128),
    )
    const count = tokens.length + (reason === 'stop' ? 1 : 0)
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: count,
      total_tokens: promptTokens + count,
    }
    const head = {
      id: isChat ? 'chatcmpl-513' : 'cmpl-513',
      created: 1_762_000_000,
      model: model.name,
      system_fingerprint: 'fp_ollama',
    }
    const choiceOf = (list: readonly Token[], finish: string | null, name: 'delta' | 'message'): Fields => {
      const join = (isReasoning: boolean): string =>
        list
          .filter((one) => one.isReasoning === isReasoning)
          .map(({ text }) => text)
          .join('')
      const message = {
        role: 'assistant',
        content: join(false),
        ...(join(true) === '' ? {} : { reasoning: join(true) }),
      }
      return {
        index: 0,
        ...(isChat ? { [name]: message } : { text: join(false) }),
        finish_reason: finish,
        ...(isChat && body['logprobs'] === true && this.hasLogProbs && list.length > 0
          ? { logprobs: { content: this.#logsOf(list, body) } }
          : {}),
      }
    }
    if (body['stream'] !== true)
      return this.#send(response, {
        ...head,
        object: isChat ? 'chat.completion' : 'text_completion',
        choices: [choiceOf(tokens, reason, 'message')],
        usage,
      })
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const event = (fields: Fields): boolean =>
      response.write(
        `data: ${JSON.stringify({ ...head, object: isChat ? 'chat.completion.chunk' : 'text_completion', ...fields })}\n\n`,
      )
    for (const token of tokens) event({ choices: [choiceOf([token], null, 'delta')] })
    event({ choices: [choiceOf([], reason, 'delta')] })
    const options = body['stream_options'] as Fields | undefined // the tests' own requests
    if (options?.['include_usage'] === true) event({ choices: [], usage })
    response.end('data: [DONE]\n\n')
  }

  #logsOf(list: readonly Token[], body: Fields): readonly Fields[] {
    const top = Number(body['top_logprobs'] ?? 0)
    const entry = (token: string, logprob: number): Fields => ({
      token,
      logprob,
      bytes: [...new TextEncoder().encode(token)],
    })
    return list.map(({ text, logs, token }) => ({
      ...entry(text, logs[token] ?? 0),
      ...(top === 0
        ? {}
        : {
            top_logprobs: [...logs.keys()]
              .toSorted((a, b) => (logs[b] ?? 0) - (logs[a] ?? 0))
              .slice(0, top)
              .map((i) => entry(VOCABULARY[i] ?? '', logs[i] ?? 0)),
          }),
    }))
  }

  #tagOf({ name, family }: OllamaModel): Fields {
    return {
      name,
      model: name,
      modified_at: '2025-11-01T12:00:00Z',
      size: 522_653_767,
      digest: name.padEnd(64, 'f'),
      details: {
        parent_model: '',
        format: 'gguf',
        family,
        families: [family],
        parameter_size: '751.63M',
        quantization_level: 'Q4_K_M',
      },
    }
  }

  #showOf(model: OllamaModel): Fields {
    return {
      license: 'Apache License',
      details: this.#tagOf(model)['details'],
      model_info: {
        'general.architecture': model.family,
        'general.parameter_count': 751_632_384,
        [`${model.family}.context_length`]: 40_960,
      },
      capabilities: [
        'completion',
        ...(model.reasoning === undefined || model.reasoning === 'old' ? [] : ['thinking']),
      ],
    }
  }

  #send(response: ServerResponse, json: unknown, status = 200): void {
    response
      .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(json))
  }
}

const SUPPORTED = new Set(['top_k', 'min_p', 'repeat_penalty'])

/** A template has tokens of its own. */
const countTokens = (prompt: string): number =>
  prompt.trim().split(/\s+/).length + (prompt.includes('<assistant>') ? 6 : 0)

/** A last message of the assistant is continued. */
function promptOf(body: Fields): string {
  const messages = (body['messages'] ?? []) as readonly { role: string; content: unknown }[] // the tests' own requests
  const last = messages.at(-1)
  const prefix = last?.role === 'assistant' ? String(last.content) : ''
  return `${messages
    .slice(0, prefix === '' ? undefined : -1)
    .map(({ role, content }) => `<${role}> ${String(content)}`)
    .join('\n')}\n<assistant>${prefix}`
}
