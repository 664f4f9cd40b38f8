// Knows: how requests are served by a model on a server: many rows at once, each retried if that helps, reported when it ends.
// Must not know: how one row is sent and read (complete-row.ts, score-row.ts).
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
} from '../../../src/domain/completion-request.ts'
import type { TeacherDescription } from '../../../src/domain/teacher-description.ts'
import type { GenerationProgress } from '../../../src/engine/generation/generator.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { RequestHooks, Teacher } from '../teacher.ts'
import type { ServerCapabilities } from './server-capabilities.ts'
import type { Connection } from './connection.ts'
import { ServerError } from './server-error.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { parseTokenIds } from './parse.ts'
import { retry, type RetryOptions } from './retry.ts'
import { scoreRow } from './score-row.ts'
import { estimateTokens, RowGeneration } from './complete-row.ts'

const PROGRESS_EVERY_MS = 100

export class EndpointTeacher implements Teacher {
  readonly description: TeacherDescription
  readonly #connection: Connection
  readonly #model: string
  readonly #serverCapabilities: ServerCapabilities
  readonly #retryOptions: RetryOptions
  readonly #limit: ConcurrencyLimit
  readonly #released = new AbortController()

  constructor(
    description: TeacherDescription,
    connection: Connection,
    model: string,
    capabilities: ServerCapabilities,
    retryOptions: RetryOptions = {},
  ) {
    this.description = description
    this.#connection = connection
    this.#model = model
    this.#serverCapabilities = capabilities
    this.#retryOptions = retryOptions
    this.#limit = new ConcurrencyLimit(description.batch)
  }

  /** Requests that may be in flight now: fewer than `description.batch` after the server was overloaded. */
  get concurrency(): number {
    return this.#limit.current
  }

  complete(
    requests: readonly CompletionRequest[],
    hooks: RequestHooks<CompletionResult>,
  ): Promise<GenerationProgress> {
    return this.#work(requests, hooks, async (request, signal, count) => {
      const refused = (refusal: string): CompletionResult => ({
        id: request.id,
        text: '',
        finishReason: 'aborted',
        promptTokens: 0,
        tokens: 0,
        refusal,
      })
      const unsupported = this.#refusalOf(request)
      if (unsupported !== undefined) return refused(unsupported)
      const { opened } = this.#serverCapabilities.reasoning
      const isOpened = request.input.kind === 'chat' && (request.thinking ? opened.on : opened.off)
      let generation = new RowGeneration(request, isOpened)
      try {
        const result = await this.#retry(() => {
          generation = new RowGeneration(request, isOpened) // an interrupted answer is discarded and starts again
          return generation.generate(this.#connection, this.#model, this.#serverCapabilities, {
            signal,
            ...(hooks.onPartial ? { onPartial: hooks.onPartial } : {}),
          })
        }, signal)
        count(result.promptTokens, result.tokens)
        return result
      } catch (thrown) {
        if (hooks.signal.aborted) return generation.result('aborted')
        return refused(this.#sentenceOfRow(thrown))
      }
    })
  }

  async score(
    requests: readonly ScoreRequest[],
    hooks: RequestHooks<ScoreResult>,
  ): Promise<GenerationProgress> {
    if (!this.description.capabilities.scores)
      throw new RetortError(
        'ModelRefused',
        `This server returns no log-probabilities of given texts for ${this.description.card.name}, so it cannot judge. Choose another model as a judge.`,
      )
    const progress = await this.#work(requests, hooks, async (request, signal, count) => {
      try {
        const logProbs = await this.#retry(
          () =>
            scoreRow(
              {
                connection: this.#connection,
                model: this.#model,
                capabilities: this.#serverCapabilities,
                signal,
              },
              request,
            ),
          signal,
        )
        count(estimateTokens(JSON.stringify(request.input)), 1) // servers do not report token counts here
        return { id: request.id, logProbs }
      } catch (thrown) {
        if (hooks.signal.aborted) return undefined
        return { id: request.id, logProbs: [], refusal: this.#sentenceOfRow(thrown) }
      }
    })
    hooks.signal.throwIfAborted()
    return progress
  }

  async countTokens(texts: readonly string[]): Promise<readonly number[]> {
    if (!this.#serverCapabilities.native) return texts.map(estimateTokens)
    const counted: number[] = []
    await this.#limit.each([...texts.keys()], async (i) => {
      const text = texts[i] ?? ''
      const ids = await this.#connection
        .request('~/tokenize', this.#released.signal, {
          content: text,
          add_special: false,
          parse_special: false,
        })
        .then(parseTokenIds, () => undefined)
      counted[i] = ids?.length ?? estimateTokens(text)
    })
    return counted
  }

  /** Stops the requests in flight; only the address and the key are held here. */
  async release(): Promise<void> {
    this.#released.abort()
  }

  /**
   * Works on all rows. `work` returns a row's result, or nothing. An error that would affect every row ends the call with its
   * sentence; results that were reported before stay valid.
   */
  async #work<R, T>(
    requests: readonly R[],
    { signal, onResult, onProgress }: Pick<RequestHooks<T>, 'signal' | 'onResult' | 'onProgress'>,
    work: (
      request: R,
      signal: AbortSignal,
      count: (promptTokens: number, tokens: number) => void,
    ) => Promise<T | undefined>,
  ): Promise<GenerationProgress> {
    const startedAt = performance.now()
    const failed = new AbortController()
    const any = AbortSignal.any([signal, failed.signal, this.#released.signal])
    let [promptTokens, newTokens, reportedAt] = [0, 0, startedAt]
    const progress = (): GenerationProgress => ({
      promptTokens,
      sharedTokens: 0,
      newTokens,
      ms: performance.now() - startedAt,
    })
    const count = (prompt: number, tokens: number): void => {
      promptTokens += prompt
      newTokens += tokens
      if (performance.now() - reportedAt < PROGRESS_EVERY_MS) return
      reportedAt = performance.now()
      onProgress(progress())
    }
    await this.#limit.each(requests, async (request) => {
      if (any.aborted) return
      try {
        const result = await work(request, any, count)
        if (result !== undefined) onResult(result)
      } catch (thrown) {
        failed.abort(thrown)
      }
    })
    if (this.#released.signal.aborted && !signal.aborted)
      throw new RetortError(
        'NotLoaded',
        'The teacher was unloaded while requests were in progress. Load it again.',
      )
    if (failed.signal.aborted) throw failed.signal.reason
    onProgress(progress())
    return progress()
  }

  async #retry<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const done = await retry(work, this.#retryOptions, {
      signal,
      onError: (error) => error.kind === 'overloaded' && this.#limit.decrease(),
    })
    this.#limit.recordSuccess()
    return done
  }

  /** Why a single row failed. Throws errors that end the call: the server is unreachable or denies access. */
  #sentenceOfRow(thrown: unknown): string {
    if (thrown instanceof RangeError) return thrown.message
    if (!(thrown instanceof ServerError)) throw thrown
    if (thrown.kind === 'unreachable')
      throw new RetortError('DownloadFailed', `${thrown.message} Finished results are kept.`, {
        cause: thrown,
      })
    if (thrown.kind === 'denied')
      throw new RetortError('ModelRefused', `${thrown.message} Finished results are kept.`, { cause: thrown })
    return thrown.message
  }

  /** Why the description's capabilities do not cover a request. */
  #refusalOf({ input, logProbs = 0, format }: CompletionRequest): string | undefined {
    const { capabilities, card } = this.description
    if (input.kind === 'chat' && !capabilities.chat)
      return `${card.name} does not support chats through this server.`
    if (input.kind === 'raw' && !capabilities.rawPrompts)
      return `${card.name} does not support raw prompts through this server.`
    if (logProbs > capabilities.logProbs)
      return `The top ${logProbs} tokens were requested, and this server returns ${capabilities.logProbs}.`
    if (format && !capabilities.outputFormats.includes(format.kind))
      return `This server does not support a ${format.kind === 'grammar' ? 'grammar' : 'JSON schema'} as an output format.`
    return undefined
  }
}
