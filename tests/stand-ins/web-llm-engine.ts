// Knows: an engine that behaves as WebLLM's does at its interface, over a formula model with one token per byte: its order of logits,
// logit processor, sampling, stop rules and finish reasons, one request at a time. No weights, no graphics card.
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  ChatCompletionRequestBase,
  ChatCompletionRequestNonStreaming,
  ChatCompletionRequestStreaming,
  ChatOptions,
  Completion,
  CompletionCreateParams,
  CompletionCreateParamsBase,
  CompletionCreateParamsNonStreaming,
  CompletionCreateParamsStreaming,
  InitProgressCallback,
  InitProgressReport,
  LogitProcessor,
  MLCEngineConfig,
  MLCEngineInterface,
} from '@mlc-ai/web-llm'
import { makeRandom } from '../../src/engine/generation/random.ts'
import { byteTokenizer, END } from '../engine/small-model.ts'

/** Tokens of the chat template, which no text contains. */
const USER = 257
const ASSISTANT = 258
const SYSTEM = 259
const VOCABULARY = 260
const WRITABLE = new Set(byteTokenizer.encode('abcdefghijklmnop .'))

/** Logits after tokens, from the last three and the number of tokens; letters are likely, the end comes after sixty tokens. */
export function logitsAfter(tokens: readonly number[]): Float32Array {
  const random = makeRandom(`${tokens.length}: ${tokens.slice(-3).join(' ')}`)
  return Float32Array.from(
    { length: VOCABULARY },
    (_, id) =>
      5 * random() -
      (id === END ? (tokens.length % 64 === 63 ? -20 : 4) : id > END ? 1e4 : WRITABLE.has(id) ? 0 : 9),
  )
}

export const encodeChat = (
  messages: readonly { readonly role: string; readonly content?: unknown }[],
): number[] => [
  ...messages.flatMap(({ role, content }) => [
    role === 'system' ? SYSTEM : role === 'user' ? USER : ASSISTANT,
    ...byteTokenizer.encode(String(content)),
  ]),
  ASSISTANT,
]

const fail = (name: string, message: string): never => {
  throw Object.assign(new Error(message), { name })
}

type Request = ChatCompletionRequestBase | CompletionCreateParamsBase

export class WebLlmEngineStandIn implements MLCEngineInterface {
  /** The texts that an output format allows, by its schema or grammar; other formats cannot be compiled. */
  forms: Readonly<Record<string, readonly string[]>> = {}
  /** Called when loading begins; may report, wait and throw. */
  onReload: (report: (report: InitProgressReport) => void, model: string) => Promise<void> = async () =>
    undefined
  /** Called before each position is computed. */
  beforeStep: () => void = () => undefined
  /** Its calls, in order. */
  readonly log: string[] = []
  options: ChatOptions = {}
  /** Positions computed since it was made. */
  computed = 0
  readonly #config: MLCEngineConfig
  #model: string | undefined
  #cache: number[] = []
  #ids: number[] = []
  #message = ''
  #interrupted = false
  #turn: Promise<void> = Promise.resolve()

  constructor(config: MLCEngineConfig) {
    this.#config = config
  }

  get #processor(): LogitProcessor | undefined {
    return this.#config.logitProcessorRegistry?.get(this.#model ?? '')
  }
  get #context(): number {
    return this.options.context_window_size ?? 4096
  }
  #require(name: string): void {
    if (this.#model === undefined) fail('ModelNotLoadedError', `Model not loaded before calling ${name}.`)
  }

  async reload(model: string | string[], options?: ChatOptions | ChatOptions[]): Promise<void> {
    await this.unload()
    const id = String(model)
    await this.onReload((report) => this.#config.initProgressCallback?.(report), id)
    this.options = (Array.isArray(options) ? options[0] : options) ?? {}
    this.#model = id
    this.log.push(`reload ${id}`)
  }
  async unload(): Promise<void> {
    this.#model = undefined
    this.log.push('unload')
  }
  /** As after a lost graphics card: the engine unloads its model by itself. */
  lose(): void {
    this.#model = undefined
  }
  async resetChat(): Promise<void> {
    this.#cache = []
    this.#processor?.resetState()
  }
  interruptGenerate = async (): Promise<void> => {
    this.#interrupted = true
  }
  getMessage = async (): Promise<string> => {
    this.#require('getMessage')
    return this.#message
  }

  #compute(tokens: readonly number[]): Float32Array {
    this.beforeStep()
    this.#require('forward')
    this.#cache.push(...tokens)
    this.computed += tokens.length
    return logitsAfter(this.#cache)
  }
  /** The grammar's mask, the processor, WebLLM's own sampling (here of the most likely token), in this order. */
  #sample(logits: Float32Array, allowed?: readonly string[]): number {
    if (allowed !== undefined) {
      const open = allowed.filter((text) => text.startsWith(this.#message))
      const next = new Set(
        open.map((text) => byteTokenizer.encode(text.slice(this.#message.length))[0] ?? END),
      )
      for (let id = 0; id < logits.length; id++) if (!next.has(id)) logits[id] = -Infinity
    }
    const processed = this.#processor?.processLogits(logits) ?? logits
    const token = processed.indexOf(Math.max(...processed))
    this.#processor?.processSampledToken(token)
    return token
  }
  async forwardTokensAndSample(ids: number[]): Promise<number> {
    return this.#sample(this.#compute(ids))
  }

  #prompt(request: Request): number[] {
    const tokens = 'messages' in request ? encodeChat(request.messages) : byteTokenizer.encode(request.prompt)
    if ('messages' in request) {
      if (request.messages.slice(1).some(({ role }) => role === 'system'))
        fail('SystemMessageOrderError', 'System prompt should always be the first message in `messages`.')
      if (request.messages.at(-1)?.role !== 'user')
        fail('MessageOrderError', 'Last message should be from either `user` or `tool`.')
    }
    if (tokens.length > this.#context)
      fail(
        'ContextWindowSizeExceededError',
        `Prompt tokens exceed context window size: number of prompt tokens: ${tokens.length}; context window size: ${this.#context}`,
      )
    return tokens
  }
  #allowed(request: Request): readonly string[] | undefined {
    const format = 'messages' in request ? request.response_format : undefined
    if (format === undefined || format === null) return undefined
    return (
      this.forms[format.schema ?? format.grammar ?? ''] ??
      fail('GrammarMatcherInitError', 'Failed to initialize the grammar matcher: it cannot be parsed.')
    )
  }

  /** One request from its prompt to its end, one step at a time; the last has a finish reason. */
  async *#generate(
    request: Request,
  ): AsyncGenerator<{ delta: string; finish: 'stop' | 'length' | 'abort' | null; prompt: number }> {
    this.#require('generate')
    const before = this.#turn
    let free = (): void => undefined
    this.#turn = new Promise((resolve) => (free = resolve))
    await before
    try {
      this.#interrupted = false
      this.log.push('messages' in request ? 'chat' : 'raw')
      await this.resetChat()
      this.#ids = []
      this.#message = ''
      const prompt = this.#prompt(request)
      const allowed = this.#allowed(request)
      let logits = this.#compute(prompt)
      let sent = 0
      for (;;) {
        const token = this.#sample(logits, allowed)
        let finish: 'stop' | 'length' | null = null
        if (token === END) finish = 'stop'
        else this.#ids.push(token)
        this.#message = byteTokenizer.decode(this.#ids)
        for (const stop of [request.stop ?? []].flat()) {
          const at = this.#message.lastIndexOf(stop)
          if (at < 0) continue
          this.#message = this.#message.slice(0, at)
          finish = 'stop'
          break
        }
        if (this.#ids.length >= (request.max_tokens ?? Infinity) || this.#cache.length === this.#context)
          finish = 'length'
        const delta = this.#message.slice(sent)
        sent = Math.max(sent, this.#message.length)
        yield { delta, finish: null, prompt: prompt.length }
        await new Promise((resolve) => setTimeout(resolve))
        if (finish !== null || this.#interrupted)
          return void (yield { delta: '', finish: finish ?? 'abort', prompt: prompt.length })
        logits = this.#compute([token])
      }
    } finally {
      free()
    }
  }

  chatCompletion(request: ChatCompletionRequestNonStreaming): Promise<ChatCompletion>
  chatCompletion(request: ChatCompletionRequestStreaming): Promise<AsyncIterable<ChatCompletionChunk>>
  chatCompletion(
    request: ChatCompletionRequestBase,
  ): Promise<AsyncIterable<ChatCompletionChunk> | ChatCompletion>
  async chatCompletion(
    request: ChatCompletionRequest,
  ): Promise<AsyncIterable<ChatCompletionChunk> | ChatCompletion> {
    const common = { id: 'stand-in', model: String(this.#model), created: 0 }
    if (request.stream === true)
      return this.#chunks(
        request,
        (delta, finish_reason) => ({
          ...common,
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta: { content: delta, role: 'assistant' }, finish_reason }],
        }),
        (usage) => ({ ...common, object: 'chat.completion.chunk', choices: [], usage }),
      )
    const { prompt, finish } = await this.#drain(request)
    return {
      ...common,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          finish_reason: finish,
          logprobs: null,
          message: { role: 'assistant', content: this.#message },
        },
      ],
      usage: this.#usage(prompt),
    }
  }
  completion(request: CompletionCreateParamsNonStreaming): Promise<Completion>
  completion(request: CompletionCreateParamsStreaming): Promise<AsyncIterable<Completion>>
  completion(request: CompletionCreateParamsBase): Promise<AsyncIterable<Completion> | Completion>
  async completion(request: CompletionCreateParams): Promise<AsyncIterable<Completion> | Completion> {
    const common = {
      id: 'stand-in',
      model: String(this.#model),
      created: 0,
      object: 'text_completion',
    } as const
    if (request.stream === true)
      return this.#chunks(
        request,
        (text, finish_reason) => ({
          ...common,
          choices: [{ index: 0, text, finish_reason, logprobs: null }],
        }),
        (usage) => ({ ...common, choices: [], usage }),
      )
    const { prompt, finish } = await this.#drain(request)
    return {
      ...common,
      choices: [{ index: 0, finish_reason: finish, logprobs: null, text: this.#message }],
      usage: this.#usage(prompt),
    }
  }

  async *#chunks<Chunk>(
    request: Request,
    delta: (text: string, finish: 'stop' | 'length' | 'abort' | null) => Chunk,
    last: (usage: ReturnType<WebLlmEngineStandIn['usageOf']>) => Chunk,
  ): AsyncGenerator<Chunk> {
    let promptTokens = 0
    for await (const step of this.#generate(request)) {
      promptTokens = step.prompt
      yield delta(step.delta, step.finish)
    }
    yield last(this.#usage(promptTokens))
  }
  async #drain(request: Request): Promise<{ prompt: number; finish: 'stop' | 'length' | 'abort' }> {
    let last = { prompt: 0, finish: 'abort' as 'stop' | 'length' | 'abort' }
    for await (const { prompt, finish } of this.#generate(request))
      last = { prompt, finish: finish ?? 'abort' }
    return last
  }
  usageOf(prompt: number) {
    return {
      completion_tokens: this.#ids.length,
      prompt_tokens: prompt,
      total_tokens: prompt + this.#ids.length,
      extra: {
        e2e_latency_s: 1,
        prefill_tokens_per_s: 1,
        decode_tokens_per_s: 1,
        time_to_first_token_s: 1,
        time_per_output_token_s: 1,
      },
    }
  }
  #usage = (prompt: number) => this.usageOf(prompt)

  // The adapter does not use the rest, which is not implemented.
  readonly chat = undefined as never
  readonly completions = undefined as never
  readonly embeddings = undefined as never
  setInitProgressCallback = (callback: InitProgressCallback): void =>
    void (this.#config.initProgressCallback = callback)
  getInitProgressCallback = (): InitProgressCallback | undefined => this.#config.initProgressCallback
  setAppConfig = (): never => this.#none()
  embedding = (): never => this.#none()
  listResumableSessions = (): never => this.#none()
  resumeChatCompletion = (): never => this.#none()
  deleteResumableSession = (): never => this.#none()
  runtimeStatsText = (): never => this.#none()
  getMaxStorageBufferBindingSize = (): never => this.#none()
  getGPUVendor = (): never => this.#none()
  setLogLevel = (): void => undefined
  #none(): never {
    throw new Error('The stand-in for WebLLM’s engine does not implement this.')
  }
}
