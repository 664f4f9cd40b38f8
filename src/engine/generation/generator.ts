// Knows: continuous batching: rows of any length share a batch, leave it when they end, and others join.
// Must not know: where the KV cache is stored (host-cache.ts, device-cache.ts).
import type { Runtime } from '../runtime/types.ts'
import type { TextTokenizer } from '../tokenizers/text-tokenizer.ts'
import type { LoadedWeights } from '../weights/loaded.ts'
import type { CachedModel } from './cached-model.ts'
import { makeDeviceModel } from './device-cache.ts'
import { makeHostModel } from './host-cache.ts'
import { ProgressTracker } from './progress-tracker.ts'
import { PrefixCache, sharedPrefix } from './prefix-cache.ts'
import { probeBatchSize, type BatchSizeProbe, type ProbeOptions } from './probe.ts'
import {
  MAX_LOG_PROBS,
  type GenerateRequest,
  type GenerateResult,
  type Hooks,
  type GenerationProgress,
  type ScoreInput,
  type ScoreOutput,
} from './requests.ts'
import { scoreAll } from './scoring.ts'
import {
  computeSoftTargets,
  type SoftTargetInput,
  type SoftTargetOutput,
  type SoftTargetOptions,
} from './soft-targets.ts'
import { embedAll, type EmbedInput, type EmbedOutput } from './embedding.ts'
import { DecodingBatch } from './decoding-batch.ts'

export type { EmbedInput, EmbedOutput } from './embedding.ts'
export type { BatchSizeProbe, ProbeOptions } from './probe.ts'
export type { SoftTargetInput, SoftTargetOutput, SoftTargetOptions } from './soft-targets.ts'
export type {
  GenerateRequest,
  GenerateResult,
  Hooks,
  GenerationProgress,
  ScoreInput,
  ScoreOutput,
} from './requests.ts'

export interface GeneratorOptions {
  /** Initial batch size; default 8. `probeBatchSize` measures the best one for a machine. */
  readonly batchSize?: number
  /** Max tokens of a row; bounded by the model's own context. Default 1,024. */
  readonly contextLength?: number
}

export class Generator {
  readonly contextLength: number
  readonly #model: CachedModel
  readonly #tokenizer: TextTokenizer
  readonly #prefixes: PrefixCache
  #lastCall: Promise<unknown> = Promise.resolve()

  private constructor(model: CachedModel, tokenizer: TextTokenizer) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#prefixes = new PrefixCache(model)
    this.contextLength = model.contextLength
  }

  /** Builds the model on the runtime. The weights' matrices may be freed afterwards; the embedding is still read. */
  static async create(
    runtime: Runtime,
    weights: LoadedWeights,
    tokenizer: TextTokenizer,
    options: GeneratorOptions = {},
  ): Promise<Generator> {
    const contextLength = Math.min(options.contextLength ?? 1024, weights.shape.context)
    const make = runtime.backend === 'webgpu' ? makeDeviceModel : makeHostModel
    return new Generator(await make(runtime, weights, options.batchSize ?? 8, contextLength), tokenizer)
  }

  /** A generator on a model that is already built. */
  static over(model: CachedModel, tokenizer: TextTokenizer): Generator {
    return new Generator(model, tokenizer)
  }

  /** Max rows in a batch now. */
  get batchSize(): number {
    return this.#model.slots
  }

  /** Largest batch size that `setBatchSize` accepts: what fits into memory. */
  get maxBatchSize(): number {
    return this.#model.maxSlots
  }

  /** Sets the batch size from the next call on. Rejects with a RangeError outside of 1 to `maxBatchSize`. */
  setBatchSize(rows: number): Promise<void> {
    return this.#enqueue(async () => this.#model.resize(rows))
  }

  /**
   * Measures which batch size is fastest on this machine, in about two seconds, and changes nothing: pass the
   * result to `setBatchSize`.
   */
  probeBatchSize(options: ProbeOptions): Promise<BatchSizeProbe> {
    return this.#enqueue(() => probeBatchSize(this.#model, options))
  }

  /**
   * Completes every request; each result is reported when it ends, in any order. A request that cannot be
   * processed is reported with a refusal. After an abort, active rows are reported as `aborted` and the call
   * ends; rows that did not start are not reported.
   */
  generate(requests: readonly GenerateRequest[], hooks: Hooks<GenerateResult>): Promise<GenerationProgress> {
    return this.#enqueue(() => this.#generate(requests, hooks))
  }

  /** Log-probabilities of continuations; results are reported in any order. An abort rejects with an AbortError. */
  score(requests: readonly ScoreInput[], hooks: Hooks<ScoreOutput>): Promise<GenerationProgress> {
    return this.#enqueue(() => scoreAll(this.#model, this.#prefixes, requests, hooks))
  }

  /**
   * Next-token distributions along given completions; results are reported in any order. An abort rejects with
   * an AbortError.
   */
  computeSoftTargets(
    requests: readonly SoftTargetInput[],
    options: SoftTargetOptions,
    hooks: Hooks<SoftTargetOutput>,
  ): Promise<GenerationProgress> {
    return this.#enqueue(() => computeSoftTargets(this.#model, this.#prefixes, requests, options, hooks))
  }

  /** The mean hidden state of each text; results are reported in any order. An abort rejects with an AbortError. */
  embed(requests: readonly EmbedInput[], hooks: Hooks<EmbedOutput>): Promise<GenerationProgress> {
    return this.#enqueue(() => embedAll(this.#model, this.#prefixes, requests, hooks))
  }

  release(): Promise<void> {
    return this.#enqueue(() => {
      this.#prefixes.clear()
      return this.#model.release()
    })
  }

  /** Runs one call at a time: calls share the slots. */
  #enqueue<T>(call: () => Promise<T>): Promise<T> {
    const next = this.#lastCall.then(call, call)
    this.#lastCall = next.catch(() => undefined)
    return next
  }

  async #generate(
    requests: readonly GenerateRequest[],
    hooks: Hooks<GenerateResult>,
  ): Promise<GenerationProgress> {
    const { signal } = hooks
    const tracker = new ProgressTracker(hooks.onProgress)
    const queue = requests.filter((request) => {
      const refusal = this.#refusalOf(request)
      if (refusal !== undefined)
        hooks.onResult({
          id: request.id,
          text: '',
          tokens: [],
          finishReason: 'aborted',
          promptTokens: request.tokens.length,
          refusal,
        })
      return refusal === undefined
    })
    let batch: DecodingBatch | undefined
    try {
      const found = await this.#prefixes.find(
        sharedPrefix(queue.map(({ tokens }) => tokens)),
        async (tokens) => {
          tracker.promptTokens += tokens
          await tracker.tick(signal)
        },
      )
      // Each row adds the prefix to `sharedTokens` when it joins; the part that was computed now was not shared.
      if (found !== undefined) tracker.sharedTokens -= found.prefix.tokens.length - found.reused
      batch = new DecodingBatch(
        this.#model,
        this.#tokenizer,
        this.#prefixes,
        tracker,
        hooks,
        queue,
        found?.prefix,
      )
      await batch.run()
    } catch (thrown) {
      if (!signal?.aborted) throw thrown
      batch?.reportAborted()
    } finally {
      batch?.close()
    }
    hooks.onProgress?.(tracker.progress)
    return tracker.progress
  }

  #refusalOf({ tokens, logProbs }: GenerateRequest): string | undefined {
    if (tokens.length === 0) return 'The prompt is empty.'
    if (logProbs !== undefined && !(Number.isInteger(logProbs) && logProbs >= 1 && logProbs <= MAX_LOG_PROBS))
      return `The request sets logProbs to ${logProbs}. Set it to a whole number from 1 to ${MAX_LOG_PROBS}.`
    if (tokens.length < this.contextLength) return undefined
    return `The prompt has ${tokens.length} tokens, but the context length is ${this.contextLength}. Shorten it or load the model with a longer context.`
  }
}
