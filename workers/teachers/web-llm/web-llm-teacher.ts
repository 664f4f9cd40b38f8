// Knows: how a model that WebLLM runs is asked, through the interface of its engine: one row after another.
// Must not know: the package's own classes (a stand-in takes their place in tests), downloads, threads.
import type { MLCEngineInterface } from '@mlc-ai/web-llm'
import type {
  CompletionRequest,
  CompletionResult,
  Ending,
  ScoreRequest,
  ScoreResult,
  TeacherDescription,
  WrittenToken,
} from '../../../src/domain/model.ts'
import type { Progress } from '../../../src/engine/generation/generator.ts'
import { Pace } from '../../../src/engine/generation/pace.ts'
import { sharedLength } from '../../../src/engine/generation/prefixes.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { refusalOf } from '../refuse.ts'
import type { AskHooks, Teacher } from '../teacher.ts'
import { callFaultOf, refusalOfFault } from './faults.ts'
import { Drawing, type FoundToken, type LogitWatch } from './logit-watch.ts'
import {
  cutAtStop,
  dropThoughts,
  NO_THOUGHTS,
  isThinking,
  toChatRequest,
  toPromptOnly,
  toRawRequest,
  type Put,
} from './requests.ts'
import { weighContinuations } from './weigh.ts'

const PARTIAL_EVERY_MS = 100

export interface WebLlmParts {
  readonly engine: MLCEngineInterface
  /** The model's id in the catalogue. */
  readonly model: string
  /** Registered with the engine for this model. */
  readonly watch: LogitWatch
  readonly description: TeacherDescription
  /** The model's own; absent where its file could not be read: then nothing is scored. */
  readonly tokenizer?: TextTokenizer
  /** Tokens at which WebLLM ends an answer. */
  readonly endIds: ReadonlySet<number>
  /** What raw texts begin with. */
  readonly start: string
}

export class WebLlmTeacher implements Teacher {
  readonly description: TeacherDescription
  readonly #parts: WebLlmParts
  readonly #put: Put
  #turn: Promise<unknown> = Promise.resolve()
  #released = false

  constructor(parts: WebLlmParts) {
    this.#parts = parts
    this.description = parts.description
    const { model, start, tokenizer } = parts
    this.#put = {
      model,
      start,
      thinking: isThinking(model),
      thoughtTokens: tokenizer?.encode(NO_THOUGHTS).length ?? 4,
    }
  }

  complete(requests: readonly CompletionRequest[], hooks: AskHooks<CompletionResult>): Promise<Progress> {
    return this.#each(requests, hooks, async (request, pace) => {
      if (hooks.signal.aborted) return
      const refuse = (refusal: string): void =>
        hooks.onResult({ id: request.id, text: '', ending: 'aborted', promptTokens: 0, tokens: 0, refusal })
      const refusal = this.#refusalOf(request)
      if (refusal !== undefined) return refuse(refusal)
      try {
        hooks.onResult(await this.#write(request, hooks, pace))
      } catch (thrown) {
        const own = refusalOfFault(thrown, this.description.contextLength)
        if (own === undefined) throw thrown
        refuse(own)
      }
    })
  }

  async score(requests: readonly ScoreRequest[], hooks: AskHooks<ScoreResult>): Promise<Progress> {
    const { tokenizer } = this.#parts
    if (tokenizer === undefined)
      throw new RetortError(
        'ModelRefused',
        `${this.description.card.name} cannot tell probabilities of given texts: its tokenizer.json cannot be used here. Choose another model to judge with.`,
      )
    return this.#each(requests, hooks, async (request, pace) => {
      hooks.signal.throwIfAborted()
      const { id } = request
      const refusal = refusalOf(request, this.description.gives)
      if (refusal !== undefined) return hooks.onResult({ id, logProbs: [], refusal })
      try {
        hooks.onResult({ id, logProbs: await this.#score(request, tokenizer, pace) })
      } catch (thrown) {
        const own =
          thrown instanceof RowRefusal
            ? thrown.message
            : refusalOfFault(thrown, this.description.contextLength)
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

  /** Works on requests one by one. A broken machine is thrown under its name. */
  #each<Request, Result>(
    requests: readonly Request[],
    { signal, onProgress }: AskHooks<Result>,
    work: (request: Request, pace: Pace) => Promise<void>,
  ): Promise<Progress> {
    return this.#inTurn(async () => {
      const pace = new Pace(onProgress)
      const { engine, model } = this.#parts
      try {
        for (const request of requests) {
          // Each row stands for itself: without this WebLLM would go on from what it still holds of a chat that begins alike.
          await engine.resetChat(false, model)
          await work(request, pace)
        }
      } catch (thrown) {
        signal.throwIfAborted()
        const loaded = await engine.getMessage(model).then(
          () => true,
          () => false,
        )
        throw callFaultOf(thrown, this.description.card.name, loaded)
      }
      onProgress(pace.progress)
      return pace.progress
    })
  }

  #refusalOf(request: CompletionRequest): string | undefined {
    const { asked, format, logProbs, sampling } = request
    if (sampling.maxTokens < 1) return 'No token may be written: ask for one at least.'
    if (asked.kind === 'raw' && asked.text + this.#put.start === '') return 'The prompt is empty.'
    if (format !== undefined && asked.kind === 'raw')
      return 'WebLLM holds answers of a chat to a form, and no raw texts. Ask by chat.'
    if (format !== undefined && logProbs !== undefined)
      return 'WebLLM rules out tokens before their probabilities can be seen, so they cannot be told of an answer that is held to a form.'
    return refusalOf(request, this.description.gives)
  }

  async #write(
    request: CompletionRequest,
    { signal, onPartial }: AskHooks<CompletionResult>,
    pace: Pace,
  ): Promise<CompletionResult> {
    const { engine, model, watch, endIds } = this.#parts
    const { id, asked, sampling } = request
    const drawing = new Drawing(sampling, request.logProbs)
    watch.drawing = drawing
    const interrupt = (): void => void engine.interruptGenerate()
    signal.addEventListener('abort', interrupt)
    let finish: string | null | undefined
    let promptTokens = 0
    let counted = 0
    let partialAt = 0
    const before = pace.newTokens
    try {
      const stream =
        asked.kind === 'chat'
          ? await engine.chatCompletion(toChatRequest(request, asked, this.#put))
          : await engine.completion(toRawRequest(request, asked.text, this.#put))
      for await (const { choices, usage } of stream) {
        finish = choices[0]?.finish_reason ?? finish
        if (usage) {
          promptTokens = usage.prompt_tokens
          pace.promptTokens += promptTokens
        }
        pace.newTokens += drawing.written.length - counted
        counted = drawing.written.length
        const now = performance.now()
        if (onPartial !== undefined && now - partialAt >= PARTIAL_EVERY_MS) {
          partialAt = now
          onPartial(id, cutAtStop(dropThoughts(await engine.getMessage(model)), sampling.stop))
        }
        await pace.tick(undefined)
        // WebLLM forgets an interruption that comes before it has begun.
        if (signal.aborted) interrupt()
      }
      const ended = endingOf(finish)
      const ids =
        ended === 'end' && endIds.has(drawing.written.at(-1) ?? -1)
          ? drawing.written.slice(0, -1)
          : drawing.written
      const text = cutAtStop(dropThoughts(await engine.getMessage(model)), sampling.stop)
      pace.newTokens = before + ids.length
      return {
        id,
        text,
        ending: ended,
        promptTokens,
        tokens: ids.length,
        ...(request.logProbs === undefined
          ? {}
          : { logProbs: drawing.found.slice(0, ids.length).map((found) => this.#nameToken(found)) }),
      }
    } finally {
      signal.removeEventListener('abort', interrupt)
      watch.drawing = undefined
    }
  }

  #nameToken({ id, logProb, likeliest, tail }: FoundToken): WrittenToken {
    const textOf = (token: number): string => this.#parts.tokenizer?.decode([token]) ?? ''
    return {
      text: textOf(id),
      logProb,
      likeliest: likeliest.map((other) => ({ text: textOf(other.id), logProb: other.logProb })),
      tail,
    }
  }

  /**
   * The context is computed as WebLLM computes it for an answer (a chat by its own template, of which no token is kept), and
   * given tokens behind it. What all continuations begin with is tokenised with them, because a token may reach over the border.
   */
  async #score(
    { asked, answerPrefix = '', continuations }: ScoreRequest,
    tokenizer: TextTokenizer,
    pace: Pace,
  ): Promise<readonly number[]> {
    const { engine, model, watch } = this.#parts
    const whole = continuations.map((continuation) => {
      const answer = answerPrefix + continuation
      return asked.kind === 'raw'
        ? tokenizer.encode(this.#put.start + asked.text + answer)
        : tokenizer.encode(answer, { special: false, continues: true })
    })
    const shared = whole[0]?.slice(0, sharedLength(whole)) ?? []
    if (whole.some(({ length }) => length === 0)) throw new RowRefusal('An empty text cannot be weighed.')
    if (asked.kind === 'raw' && shared.length === 0)
      throw new RowRefusal('The prompt is too short to be weighed behind: it has no token of its own.')
    const longest = Math.max(...whole.map(({ length }) => length))
    const goOn = async (tokens: readonly number[]): Promise<Float32Array> => {
      await engine.forwardTokensAndSample([...tokens], tokens.length > 1, model)
      pace.promptTokens += tokens.length
      return watch.takeLogits()
    }
    const begin = async (): Promise<Float32Array> => {
      await engine.resetChat(false, model)
      if (asked.kind === 'raw') {
        this.#requireRoom(longest)
        return goOn(shared)
      }
      const { usage } = await engine.chatCompletion(toPromptOnly(asked, this.#put))
      pace.promptTokens += usage?.prompt_tokens ?? 0
      this.#requireRoom((usage?.prompt_tokens ?? 0) + longest)
      const logits = watch.takeLogits()
      return shared.length > 0 ? goOn(shared) : logits
    }
    const sums = await weighContinuations(
      whole.map((tokens) => tokens.slice(shared.length)),
      { begin, goOn },
    )
    await pace.tick(undefined)
    return sums
  }

  #requireRoom(tokens: number): void {
    const { contextLength } = this.description
    if (tokens > contextLength)
      throw new RowRefusal(
        `The prompt and what is weighed have ${tokens} tokens, and the context holds ${contextLength}. Shorten it or load the model with a longer context.`,
      )
  }
}

/** Why one row cannot be weighed: nothing is broken. */
class RowRefusal extends Error {}

const endingOf = (finish: string | null | undefined): Ending =>
  finish === 'stop' ? 'end' : finish === 'length' ? 'length' : 'aborted'
