// Knows: many requests worked on together: rows of any length share a batch, leave it when they end, and others join.
// Must not know: where the memory lies (host-cache.ts, device-cache.ts).
import type { Runtime } from '../runtime/types.ts'
import type { TextTokenizer } from '../tokenizers/text-tokenizer.ts'
import type { LoadedWeights } from '../weights/loaded.ts'
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { makeDeviceModel } from './device-cache.ts'
import { makeHostModel } from './host-cache.ts'
import { Pace } from './pace.ts'
import { Prefixes, sharedBeginning } from './prefixes.ts'
import { MOST_LOG_PROBS, type GenerateRequest, type GenerateResult, type Hooks, type Progress, type Scorable, type Scored } from './requests.ts'
import { scoreAll } from './scoring.ts'
import { traceAll, type Traceable, type Traced, type TraceOptions } from './tracing.ts'
import { Writing } from './writing.ts'

export type { TokenLogProbs } from './log-probs.ts'
export type { Traceable, Traced, TraceOptions } from './tracing.ts'
export type { GenerateRequest, GenerateResult, Hooks, Progress, Scorable, Scored } from './requests.ts'

export interface GeneratorOptions {
  /** Rows worked on together. 8 is the best on wasm (measured: beyond it the heap grows and steps get slower). */
  readonly maxBatch?: number
  /** Tokens of a row at most; bounded by the model's own context. Default 1,024. */
  readonly contextLength?: number
}

/** A row of the batch. */
interface Active {
  readonly slot: number
  readonly writing: Writing
  /** Tokens that the model has not seen yet. */
  pending: readonly number[]
  /** Another row with the same prompt, whose memory is copied instead of computing it again; gone once that is done. */
  leader: Active | undefined
}

export class Generator {
  readonly contextLength: number
  readonly maxBatch: number
  readonly #model: CachedModel
  readonly #tokenizer: TextTokenizer
  readonly #prefixes: Prefixes
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(model: CachedModel, tokenizer: TextTokenizer) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#prefixes = new Prefixes(model)
    this.contextLength = model.contextLength
    this.maxBatch = model.slots
  }

  /** Builds the model on the runtime. The weights' matrices may be let go afterwards; the embedding is still read. */
  static async create(runtime: Runtime, weights: LoadedWeights, tokenizer: TextTokenizer, options: GeneratorOptions = {}): Promise<Generator> {
    const contextLength = Math.min(options.contextLength ?? 1024, weights.shape.context)
    const make = runtime.backend === 'webgpu' ? makeDeviceModel : makeHostModel
    return new Generator(await make(runtime, weights, options.maxBatch ?? 8, contextLength), tokenizer)
  }

  /** A generator on a model that is built already. */
  static over(model: CachedModel, tokenizer: TextTokenizer): Generator {
    return new Generator(model, tokenizer)
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
      if (refusal !== undefined) hooks.onResult({ id: request.id, text: '', tokens: [], ending: 'aborted', promptTokens: request.tokens.length, refusal })
      return refusal === undefined
    })
    const active: Active[] = []
    try {
      const found = await this.#prefixes.find(sharedBeginning(queue.map(({ tokens }) => tokens)), async (tokens) => {
        pace.promptTokens += tokens
        await pace.tick(signal)
      })
      if (found !== undefined) pace.sharedTokens -= found.reused ? 0 : found.prefix.tokens.length
      while (queue.length > 0 || active.length > 0) {
        signal?.throwIfAborted()
        this.#admit(queue, active, found?.prefix, pace)
        await this.#stepOnce(active, found?.prefix, pace)
        this.#tellAndLeave(active, hooks)
        await pace.tick(signal)
      }
    } catch (thrown) {
      if (!signal?.aborted) throw thrown
      for (const { writing } of active) hooks.onResult(writing.result())
    } finally {
      for (const { slot } of active) this.#model.close(slot)
    }
    hooks.onProgress?.(pace.progress)
    return pace.progress
  }

  #refusalOf({ tokens, logProbs }: GenerateRequest): string | undefined {
    if (tokens.length === 0) return 'The prompt is empty.'
    if (logProbs !== undefined && !(Number.isInteger(logProbs) && logProbs >= 1 && logProbs <= MOST_LOG_PROBS)) return `Log-probabilities of ${logProbs} tokens were asked for; 1 to ${MOST_LOG_PROBS} can be told at each place.`
    if (tokens.length < this.contextLength) return undefined
    return `The prompt has ${tokens.length} tokens, and the context holds ${this.contextLength}. Shorten it or load the model with a longer context.`
  }

  /** Fills free slots. Rows with one prompt follow the first of them, and stand behind all that are computed. */
  #admit(queue: GenerateRequest[], active: Active[], prefix: Prefix | undefined, pace: Pace): void {
    const { slots, joinsTogether } = this.#model
    const free = slots - active.length
    if (free === 0 || (joinsTogether && active.length > 0 && free < slots / 2)) return
    const leaders = new Map<string, Active>()
    const followers: { request: GenerateRequest; leader: Active }[] = []
    const join = (request: GenerateRequest, leader?: Active): Active => {
      const writing = new Writing(request, this.#tokenizer, this.contextLength - request.tokens.length)
      const shared = prefix?.tokens.length ?? 0
      pace.sharedTokens += leader === undefined ? shared : request.tokens.length
      const row: Active = { slot: this.#model.open(), writing, pending: request.tokens.slice(shared), leader }
      active.push(row)
      return row
    }
    for (const request of queue.splice(0, free)) {
      const key = request.tokens.join()
      const leader = this.#model.copy === undefined ? undefined : leaders.get(key)
      if (leader === undefined) leaders.set(key, join(request))
      else followers.push({ request, leader })
    }
    for (const { request, leader } of followers) join(request, leader)
  }

  /** One run: a piece of the prompts of rows that joined, or a token for every row. */
  async #stepOnce(active: readonly Active[], prefix: Prefix | undefined, pace: Pace): Promise<void> {
    const joining = active.filter(({ pending, leader }) => pending.length > 1 && leader === undefined)
    // A prompt of one token behind a prefix is no different from a row that writes.
    const rows = joining.length > 0 ? joining : active.filter(({ leader }) => leader === undefined)
    const piece = joining.length > 0 ? Math.max(1, Math.floor(TOKENS_PER_RUN / joining.length)) : 1
    const steps = rows.map(({ slot, pending }): RowStep => {
      const tokens = pending.slice(0, piece)
      return { slot, tokens, logitsAt: tokens.length === pending.length ? [tokens.length - 1] : [] }
    })
    const logits = await this.#model.step(steps, prefix, true)
    const { vocabulary } = this.#model
    let at = 0
    rows.forEach((row, i) => {
      const step = steps[i]
      if (step === undefined) return
      if (joining.length > 0) pace.promptTokens += step.tokens.length
      row.pending = row.pending.slice(step.tokens.length)
      if (step.logitsAt.length === 0) return
      const from = at++ * vocabulary
      const followers = active.filter(({ leader }) => leader === row)
      // Drawing changes the logits, so followers take theirs first.
      for (const follower of followers) {
        this.#model.copy?.(row.slot, follower.slot)
        follower.leader = undefined
        this.#write(follower, logits.slice(from, from + vocabulary), 0, pace)
      }
      this.#write(row, logits, from, pace)
    })
  }

  #write(row: Active, logits: Float32Array, from: number, pace: Pace): void {
    const token = row.writing.advance(logits, from, this.#model.vocabulary)
    row.pending = token === undefined ? [] : [token]
    pace.newTokens++
  }

  #tellAndLeave(active: Active[], hooks: Hooks<GenerateResult>): void {
    const now = performance.now()
    for (let i = active.length - 1; i >= 0; i--) {
      const row = active[i]
      if (row === undefined) continue
      if (row.writing.ended) {
        active.splice(i, 1)
        this.#model.close(row.slot)
        hooks.onResult(row.writing.result())
      } else if (hooks.onPartial !== undefined) {
        const text = row.writing.partial(now)
        if (text !== undefined) hooks.onPartial(row.writing.request.id, text)
      }
    }
  }
}
