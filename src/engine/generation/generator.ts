// Knows: many requests worked on together: rows of any length share a batch, leave it when they end, and others join.
// Must not know: where the memory lies (host-cache.ts, device-cache.ts).
import type { Runtime } from '../runtime/types.ts'
import type { TextTokenizer } from '../tokenizers/text-tokenizer.ts'
import type { LoadedWeights } from '../weights/loaded.ts'
import type { CachedModel } from './cached-model.ts'
import { makeDeviceModel } from './device-cache.ts'
import { makeHostModel } from './host-cache.ts'
import { Pace } from './pace.ts'
import { Prefixes, sharedBeginning } from './prefixes.ts'
import { probeBatch, type BatchProbe, type ProbeOptions } from './probe.ts'
import {
  MOST_LOG_PROBS,
  type GenerateRequest,
  type GenerateResult,
  type Hooks,
  type Progress,
  type Scorable,
  type Scored,
} from './requests.ts'
import { scoreAll } from './scoring.ts'
import { traceAll, type Traceable, type Traced, type TraceOptions } from './tracing.ts'
import { WritingRows } from './writing-rows.ts'

export type { TokenLogProbs } from './log-probs.ts'
export type { BatchProbe, BatchSpeed, ProbeOptions } from './probe.ts'
export type { Traceable, Traced, TraceOptions } from './tracing.ts'
export type { GenerateRequest, GenerateResult, Hooks, Progress, Scorable, Scored } from './requests.ts'

export interface GeneratorOptions {
  /** Rows worked on together at first; default 8. `probeBatch` finds the best for a machine. */
  readonly maxBatch?: number
  /** Tokens of a row at most; bounded by the model's own context. Default 1,024. */
  readonly contextLength?: number
}

export class Generator {
  readonly contextLength: number
  readonly #model: CachedModel
  readonly #tokenizer: TextTokenizer
  readonly #prefixes: Prefixes
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(model: CachedModel, tokenizer: TextTokenizer) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#prefixes = new Prefixes(model)
    this.contextLength = model.contextLength
  }

  /** Builds the model on the runtime. The weights' matrices may be let go afterwards; the embedding is still read. */
  static async create(
    runtime: Runtime,
    weights: LoadedWeights,
    tokenizer: TextTokenizer,
    options: GeneratorOptions = {},
  ): Promise<Generator> {
    const contextLength = Math.min(options.contextLength ?? 1024, weights.shape.context)
    const make = runtime.backend === 'webgpu' ? makeDeviceModel : makeHostModel
    return new Generator(await make(runtime, weights, options.maxBatch ?? 8, contextLength), tokenizer)
  }

  /** A generator on a model that is built already. */
  static over(model: CachedModel, tokenizer: TextTokenizer): Generator {
    return new Generator(model, tokenizer)
  }

  /** Rows worked on together. */
  get maxBatch(): number {
    return this.#model.slots
  }

  /** Rows that `limitBatch` allows at most: what fits into memory. */
  get mostBatch(): number {
    return this.#model.mostSlots
  }

  /** Works on so many rows together from the next call on. Rejects with a RangeError outside of 1 to `mostBatch`. */
  limitBatch(rows: number): Promise<void> {
    return this.#inTurn(async () => this.#model.resize(rows))
  }

  /** Finds how many rows together are fastest on this machine, in about two seconds, and changes nothing: `limitBatch` takes the answer. */
  probeBatch(options: ProbeOptions): Promise<BatchProbe> {
    return this.#inTurn(() => probeBatch(this.#model, options))
  }

  /**
   * Completes every request; each result is told when it ends, in any order. A request that cannot be worked on is told
   * with a refusal. After an abort the rows under way are told as `aborted` and the call ends; those not begun are not told.
   */
  generate(requests: readonly GenerateRequest[], hooks: Hooks<GenerateResult>): Promise<Progress> {
    return this.#inTurn(() => this.#generate(requests, hooks))
  }

  /** Log-probabilities of continuations; results are told in any order. An abort rejects with an AbortError. */
  score(requests: readonly Scorable[], hooks: Hooks<Scored>): Promise<Progress> {
    return this.#inTurn(() => scoreAll(this.#model, this.#prefixes, requests, hooks))
  }

  /** Distributions along given answers; results are told in any order. An abort rejects with an AbortError. */
  trace(requests: readonly Traceable[], options: TraceOptions, hooks: Hooks<Traced>): Promise<Progress> {
    return this.#inTurn(() => traceAll(this.#model, this.#prefixes, requests, options, hooks))
  }

  release(): Promise<void> {
    return this.#inTurn(() => {
      this.#prefixes.clear()
      return this.#model.release()
    })
  }

  /** The slots belong to one call at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work)
    this.#turn = next.catch(() => undefined)
    return next
  }

  async #generate(requests: readonly GenerateRequest[], hooks: Hooks<GenerateResult>): Promise<Progress> {
    const { signal } = hooks
    const pace = new Pace(hooks.onProgress)
    const queue = requests.filter((request) => {
      const refusal = this.#refusalOf(request)
      if (refusal !== undefined)
        hooks.onResult({
          id: request.id,
          text: '',
          tokens: [],
          ending: 'aborted',
          promptTokens: request.tokens.length,
          refusal,
        })
      return refusal === undefined
    })
    let rows: WritingRows | undefined
    try {
      const found = await this.#prefixes.find(
        sharedBeginning(queue.map(({ tokens }) => tokens)),
        async (tokens) => {
          pace.promptTokens += tokens
          await pace.tick(signal)
        },
      )
      // Each row counts what it shares when it joins; what had to be computed for that was not shared.
      if (found !== undefined) pace.sharedTokens -= found.prefix.tokens.length - found.reused
      rows = new WritingRows(this.#model, this.#tokenizer, this.#prefixes, pace, hooks, queue, found?.prefix)
      await rows.work()
    } catch (thrown) {
      if (!signal?.aborted) throw thrown
      rows?.tellAborted()
    } finally {
      rows?.close()
    }
    hooks.onProgress?.(pace.progress)
    return pace.progress
  }

  #refusalOf({ tokens, logProbs }: GenerateRequest): string | undefined {
    if (tokens.length === 0) return 'The prompt is empty.'
    if (
      logProbs !== undefined &&
      !(Number.isInteger(logProbs) && logProbs >= 1 && logProbs <= MOST_LOG_PROBS)
    )
      return `Log-probabilities of ${logProbs} tokens were asked for; 1 to ${MOST_LOG_PROBS} can be told at each place.`
    if (tokens.length < this.contextLength) return undefined
    return `The prompt has ${tokens.length} tokens, and the context holds ${this.contextLength}. Shorten it or load the model with a longer context.`
  }
}
