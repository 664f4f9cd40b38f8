// Knows: how requests are served by a model that WebLLM runs, through its engine's interface: one row after another.
// Must not know: the package's own classes (tests use a stand-in), downloads, threads.
import type { MLCEngineInterface } from '@mlc-ai/web-llm'
import type {
  CompletionRequest,
  CompletionResult,
  FinishReason,
  ScoreRequest,
  ScoreResult,
  TokenLogProbs,
} from '../../../src/domain/completion-request.ts'
import type { TeacherDescription } from '../../../src/domain/teacher-description.ts'
import type { GenerationProgress } from '../../../src/engine/generation/generator.ts'
import { ProgressTracker } from '../../../src/engine/generation/progress-tracker.ts'
import { sharedPrefixLength } from '../../../src/engine/generation/prefix-cache.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { refusalOf } from '../refuse.ts'
import type { RequestHooks, Teacher } from '../teacher.ts'
import { callErrorOf, refusalOfError } from './errors.ts'
import { TokenSampler, type SampledToken, type LogitWatch } from './logit-watch.ts'
import {
  cutAtStop,
  EMPTY_REASONING,
  isReasoning,
  readPartial,
  readResponse,
  toChatRequest,
  toPromptOnly,
  toRawRequest,
  type ModelTraits,
} from './requests.ts'
import { scoreContinuations } from './score-continuations.ts'

const PARTIAL_EVERY_MS = 100

export interface WebLlmParts {
  readonly engine: MLCEngineInterface
  /** The model's id in the catalogue. */
  readonly model: string
  /** Registered with the engine for this model. */
  readonly watch: LogitWatch
  readonly description: TeacherDescription
  /** The model's own; absent if its file could not be read: then nothing can be scored. */
  readonly tokenizer?: TextTokenizer
  /** Tokens at which WebLLM ends an answer. */
  readonly endIds: ReadonlySet<number>
  /** The start of raw texts. */
  readonly start: string
}

export class WebLlmTeacher implements Teacher {
  readonly description: TeacherDescription
  readonly #parts: WebLlmParts
  readonly #traits: ModelTraits
  #turn: Promise<unknown> = Promise.resolve()
  #released = false

  constructor(parts: WebLlmParts) {
    this.#parts = parts
    this.description = parts.description
    const { model, start, tokenizer } = parts
    this.#traits = {
      model,
      start,
      reasons: isReasoning(model),
      reasoningTokens: tokenizer?.encode(EMPTY_REASONING).length ?? 4,
    }
  }

  complete(
    requests: readonly CompletionRequest[],
    hooks: RequestHooks<CompletionResult>,
  ): Promise<GenerationProgress> {
    return this.#each(requests, hooks, async (request, pace) => {
      if (hooks.signal.aborted) return
      const refuse = (refusal: string): void =>
        hooks.onResult({
          id: request.id,
          text: '',
          finishReason: 'aborted',
          promptTokens: 0,
          tokens: 0,
          refusal,
        })
      const refusal = this.#refusalOf(request)
      if (refusal !== undefined) return refuse(refusal)
      try {
        hooks.onResult(await this.#generate(request, hooks, pace))
      } catch (thrown) {
        const own = refusalOfError(thrown, this.description.contextLength)
        if (own === undefined) throw thrown
        refuse(own)
      }
    })
  }

  async score(
    requests: readonly ScoreRequest[],
    hooks: RequestHooks<ScoreResult>,
  ): Promise<GenerationProgress> {
    const { tokenizer } = this.#parts
    if (tokenizer === undefined)
      throw new RetortError(
        'ModelRefused',
        `${this.description.card.name} returns no log-probabilities of given texts, because its tokenizer.json cannot be used here. Choose another model as a judge.`,
      )
    return this.#each(requests, hooks, async (request, pace) => {
      hooks.signal.throwIfAborted()
      const { id } = request
      const refusal = refusalOf(request, this.description.capabilities)
      if (refusal !== undefined) return hooks.onResult({ id, logProbs: [], refusal })
      try {
        hooks.onResult({ id, logProbs: await this.#score(request, tokenizer, pace) })
      } catch (thrown) {
        const own =
          thrown instanceof RowRefusal
            ? thrown.message
            : refusalOfError(thrown, this.description.contextLength)
        if (own === undefined) throw thrown
        hooks.onResult({ id, logProbs: [], refusal: own })
      }
    })
  }

  async countTokens(texts: readonly string[]): Promise<readonly number[]> {
    const { tokenizer } = this.#parts
    return texts.map((text) => tokenizer?.encode(text).length ?? Math.ceil(text.length / 4))
  }

  release(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#released) return
      this.#released = true
      await this.#parts.engine.unload()
    })
  }

  /** The engine works on one request at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work)
    this.#turn = next.catch(() => undefined)
    return next
  }

  /** Works on requests one by one. Errors of the engine are rethrown under the program's names. */
  #each<Request, Result>(
    requests: readonly Request[],
    { signal, onProgress }: RequestHooks<Result>,
    work: (request: Request, pace: ProgressTracker) => Promise<void>,
  ): Promise<GenerationProgress> {
    return this.#inTurn(async () => {
      const pace = new ProgressTracker(onProgress)
      const { engine, model } = this.#parts
      try {
        for (const request of requests) {
          // Rows are independent: without this reset WebLLM would continue from its KV cache of a chat with the same prefix.
          await engine.resetChat(false, model)
          await work(request, pace)
        }
      } catch (thrown) {
        signal.throwIfAborted()
        const loaded = await engine.getMessage(model).then(
          () => true,
          () => false,
        )
        throw callErrorOf(thrown, this.description.card.name, loaded)
      }
      onProgress(pace.progress)
      return pace.progress
    })
  }

  #refusalOf(request: CompletionRequest): string | undefined {
    const { input, format, logProbs, sampling } = request
    if (sampling.maxTokens < 1) return 'Max tokens must be at least 1.'
    if (input.kind === 'raw' && input.text + this.#traits.start === '') return 'The prompt is empty.'
    if (format !== undefined && input.kind === 'raw')
      return 'WebLLM supports output formats only for chats, not for raw texts. Use a chat prompt.'
    if (format !== undefined && logProbs !== undefined)
      return 'WebLLM masks tokens before their log-probabilities can be read, so it does not support log-probabilities with an output format.'
    return refusalOf(request, this.description.capabilities)
  }

  async #generate(
    request: CompletionRequest,
    { signal, onPartial }: RequestHooks<CompletionResult>,
    pace: ProgressTracker,
  ): Promise<CompletionResult> {
    const { engine, model, watch, endIds } = this.#parts
    const { id, input, sampling } = request
    const sampler = new TokenSampler(sampling, request.logProbs)
    watch.sampler = sampler
    const interrupt = (): void => void engine.interruptGenerate()
    signal.addEventListener('abort', interrupt)
    let finish: string | null | undefined
    let promptTokens = 0
    let counted = 0
    let partialAt = 0
    const before = pace.newTokens
    try {
      const stream =
        input.kind === 'chat'
          ? await engine.chatCompletion(toChatRequest(request, input, this.#traits))
          : await engine.completion(toRawRequest(request, input.text, this.#traits))
      for await (const { choices, usage } of stream) {
        finish = choices[0]?.finish_reason ?? finish
        if (usage) {
          promptTokens = usage.prompt_tokens
          pace.promptTokens += promptTokens
        }
        pace.newTokens += sampler.tokens.length - counted
        counted = sampler.tokens.length
        const now = performance.now()
        if (onPartial !== undefined && now - partialAt >= PARTIAL_EVERY_MS) {
          partialAt = now
          const read = input.kind === 'chat' ? readPartial : cutAtStop
          onPartial(id, read(await engine.getMessage(model), sampling.stop))
        }
        await pace.tick(undefined)
        // WebLLM ignores an interruption that comes before it starts.
        if (signal.aborted) interrupt()
      }
      const finishReason = toFinishReason(finish)
      const ids =
        finishReason === 'end' && endIds.has(sampler.tokens.at(-1) ?? -1)
          ? sampler.tokens.slice(0, -1)
          : sampler.tokens
      const whole = await engine.getMessage(model)
      pace.newTokens = before + ids.length
      return {
        id,
        ...(input.kind === 'chat'
          ? readResponse(whole, sampling.stop)
          : { text: cutAtStop(whole, sampling.stop) }),
        finishReason,
        promptTokens,
        tokens: ids.length,
        ...(request.logProbs === undefined
          ? {}
          : { logProbs: sampler.logProbs.slice(0, ids.length).map((token) => this.#toTokenLogProbs(token)) }),
      }
    } finally {
      signal.removeEventListener('abort', interrupt)
      watch.sampler = undefined
    }
  }

  #toTokenLogProbs({ id, logProb, top, restProbability }: SampledToken): TokenLogProbs {
    const textOf = (token: number): string => this.#parts.tokenizer?.decode([token]) ?? ''
    return {
      text: textOf(id),
      logProb,
      top: top.map((other) => ({ text: textOf(other.id), logProb: other.logProb })),
      restProbability,
    }
  }

  /**
   * WebLLM computes the context as for an answer (a chat by its own template, of which no token is kept), followed by given tokens.
   * The shared prefix of all continuations is tokenized with them, because a token may span the boundary.
   */
  async #score(
    { input, answerPrefix = '', continuations }: ScoreRequest,
    tokenizer: TextTokenizer,
    pace: ProgressTracker,
  ): Promise<readonly number[]> {
    const { engine, model, watch } = this.#parts
    const whole = continuations.map((continuation) => {
      const answer = answerPrefix + continuation
      return input.kind === 'raw'
        ? tokenizer.encode(this.#traits.start + input.text + answer)
        : tokenizer.encode(answer, { special: false, continues: true })
    })
    const shared = whole[0]?.slice(0, sharedPrefixLength(whole)) ?? []
    if (whole.some(({ length }) => length === 0)) throw new RowRefusal('An empty text cannot be scored.')
    if (input.kind === 'raw' && shared.length === 0)
      throw new RowRefusal('The prompt is too short for scoring: it has no token of its own.')
    const longest = Math.max(...whole.map(({ length }) => length))
    const extend = async (tokens: readonly number[]): Promise<Float32Array> => {
      await engine.forwardTokensAndSample([...tokens], tokens.length > 1, model)
      pace.promptTokens += tokens.length
      return watch.takeLogits()
    }
    const prefill = async (): Promise<Float32Array> => {
      await engine.resetChat(false, model)
      if (input.kind === 'raw') {
        this.#requireRoom(longest)
        return extend(shared)
      }
      const { usage } = await engine.chatCompletion(toPromptOnly(input, this.#traits))
      pace.promptTokens += usage?.prompt_tokens ?? 0
      this.#requireRoom((usage?.prompt_tokens ?? 0) + longest)
      const logits = watch.takeLogits()
      return shared.length > 0 ? extend(shared) : logits
    }
    const sums = await scoreContinuations(
      whole.map((tokens) => tokens.slice(shared.length)),
      { prefill, extend },
    )
    await pace.tick(undefined)
    return sums
  }

  #requireRoom(tokens: number): void {
    const { contextLength } = this.description
    if (tokens > contextLength)
      throw new RowRefusal(
        `The prompt and the scored texts have ${tokens} tokens, but the context length is ${contextLength}. Shorten them or load the model with a longer context.`,
      )
  }
}

/** Why one row cannot be scored; the model still works. */
class RowRefusal extends Error {}

const toFinishReason = (finish: string | null | undefined): FinishReason =>
  finish === 'stop' ? 'end' : finish === 'length' ? 'length' : 'aborted'
