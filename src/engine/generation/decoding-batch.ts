// Knows: how requests become rows of a batch: when rows join, which tokens a run gets, how rows leave.
// Must not know: where the KV cache is stored (host-cache.ts, device-cache.ts), how tokens are sampled (decoding.ts).
import type { TextTokenizer } from '../tokenizers/text-tokenizer.ts'
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import type { ProgressTracker } from './progress-tracker.ts'
import { groupPrefixes, type PrefixCache } from './prefix-cache.ts'
import type { GenerateRequest, GenerateResult, Hooks } from './requests.ts'
import { Decoding } from './decoding.ts'

/**
 * Prompt tokens of a row per prefill run. Chunk boundaries depend on the row only, not on the other rows: with
 * other boundaries, sums would be rounded differently. Eight rows fill a run, and a single row is as fast as
 * with larger chunks.
 */
const CHUNK = 64
const ROWS_PER_PREFILL = TOKENS_PER_RUN / CHUNK

/** A row of the batch. */
interface Active {
  readonly slot: number
  readonly decoding: Decoding
  /** Tokens that are not in the KV cache yet. */
  pending: readonly number[]
  /** Another row with the same prompt, whose KV cache is copied instead of computed again; undefined once copied. */
  leader: Active | undefined
}

export class DecodingBatch {
  readonly #model: CachedModel
  readonly #tokenizer: TextTokenizer
  readonly #prefixes: PrefixCache
  readonly #tracker: ProgressTracker
  readonly #hooks: Hooks<GenerateResult>
  /** Shared by all rows of the call. */
  readonly #prefix: Prefix | undefined
  readonly #queue: {
    readonly request: GenerateRequest
    readonly groupPrefix: readonly number[] | undefined
  }[]
  readonly #active: Active[] = []

  constructor(
    model: CachedModel,
    tokenizer: TextTokenizer,
    prefixes: PrefixCache,
    tracker: ProgressTracker,
    hooks: Hooks<GenerateResult>,
    requests: readonly GenerateRequest[],
    prefix: Prefix | undefined,
  ) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#prefixes = prefixes
    this.#tracker = tracker
    this.#hooks = hooks
    this.#prefix = prefix
    const prefixesOfGroups =
      model.loadPrefix === undefined
        ? []
        : groupPrefixes(
            requests.map(({ tokens }) => tokens),
            prefix?.tokens.length ?? 0,
          )
    this.#queue = requests.map((request, i) => ({ request, groupPrefix: prefixesOfGroups[i] }))
  }

  /** Runs until all rows are reported. Rejects with an AbortError when stopped: then call `reportAborted`. */
  async run(): Promise<void> {
    const { signal } = this.#hooks
    while (this.#queue.length > 0 || this.#active.length > 0) {
      signal?.throwIfAborted()
      await this.#admit()
      await this.#stepOnce()
      this.#reportAndRemove()
      await this.#tracker.tick(signal)
    }
  }

  reportAborted(): void {
    for (const { decoding } of this.#active) this.#hooks.onResult(decoding.result())
  }

  /** Frees all slots. */
  close(): void {
    for (const { slot } of this.#active.splice(0)) this.#model.close(slot)
  }

  /** Fills free slots. Rows with the same prompt follow the first of them and come after all rows that are computed. */
  async #admit(): Promise<void> {
    const { slots, batchesStatically } = this.#model
    const free = slots - this.#active.length
    if (free === 0 || (batchesStatically && this.#active.length > 0 && free < slots / 2)) return
    const leaders = new Map<string, Active>()
    const followers: { request: GenerateRequest; leader: Active }[] = []
    for (const { request, groupPrefix } of this.#queue.splice(0, free)) {
      const key = request.tokens.join()
      const leader = this.#model.copy === undefined ? undefined : leaders.get(key)
      if (leader !== undefined) {
        followers.push({ request, leader })
        continue
      }
      const row = this.#join(request, undefined)
      leaders.set(key, row)
      if (groupPrefix !== undefined) await this.#loadGroupPrefix(row, groupPrefix)
    }
    for (const { request, leader } of followers) this.#join(request, leader)
  }

  #join(request: GenerateRequest, leader: Active | undefined): Active {
    const decoding = new Decoding(request, this.#tokenizer, this.#model.contextLength - request.tokens.length)
    const shared = this.#prefix?.tokens.length ?? 0
    this.#tracker.sharedTokens += leader === undefined ? shared : request.tokens.length
    const row: Active = { slot: this.#model.open(), decoding, pending: request.tokens.slice(shared), leader }
    this.#active.push(row)
    return row
  }

  /** Copies into a row the prefix that only some rows of the call share; it is computed once. */
  async #loadGroupPrefix(row: Active, groupPrefix: readonly number[]): Promise<void> {
    const { signal } = this.#hooks
    const shared = this.#prefix?.tokens.length ?? 0
    const found = await this.#prefixes.find(
      groupPrefix,
      async (tokens) => {
        this.#tracker.promptTokens += tokens
        await this.#tracker.tick(signal)
      },
      this.#prefix,
    )
    if (found === undefined) return
    this.#model.loadPrefix?.(row.slot, found.prefix, shared)
    row.pending = row.pending.slice(groupPrefix.length - shared)
    this.#tracker.sharedTokens += Math.max(0, found.reused - shared)
  }

  /** One run: prefills a chunk of the prompts of rows that joined, or decodes a token of every row. */
  async #stepOnce(): Promise<void> {
    const active = this.#active
    const prefilling = active
      .filter(({ pending, leader }) => pending.length > 1 && leader === undefined)
      .slice(0, this.#model.batchesStatically ? undefined : ROWS_PER_PREFILL)
    // A prompt of one token after a prefix is the same as a row that decodes.
    const rows = prefilling.length > 0 ? prefilling : active.filter(({ leader }) => leader === undefined)
    const size =
      prefilling.length === 0
        ? 1
        : this.#model.batchesStatically
          ? Math.max(1, Math.floor(TOKENS_PER_RUN / prefilling.length))
          : CHUNK
    const steps = rows.map(({ slot, pending }): RowStep => {
      const tokens = pending.slice(0, size)
      return { slot, tokens, logitsAt: tokens.length === pending.length ? [tokens.length - 1] : [] }
    })
    const logits = await this.#model.step(steps, this.#prefix, true)
    const { vocabulary } = this.#model
    let at = 0
    rows.forEach((row, i) => {
      const step = steps[i]
      if (step === undefined) return
      if (prefilling.length > 0) this.#tracker.promptTokens += step.tokens.length
      row.pending = row.pending.slice(step.tokens.length)
      if (step.logitsAt.length === 0) return
      const from = at++ * vocabulary
      const followers = active.filter(({ leader }) => leader === row)
      // Sampling changes the logits, so followers get a copy first.
      for (const follower of followers) {
        this.#model.copy?.(row.slot, follower.slot)
        follower.leader = undefined
        this.#advance(follower, logits.slice(from, from + vocabulary), 0)
      }
      this.#advance(row, logits, from)
    })
  }

  #advance(row: Active, logits: Float32Array, from: number): void {
    const token = row.decoding.advance(logits, from, this.#model.vocabulary)
    row.pending = token === undefined ? [] : [token]
    this.#tracker.newTokens++
  }

  #reportAndRemove(): void {
    const now = performance.now()
    for (let i = this.#active.length - 1; i >= 0; i--) {
      const row = this.#active[i]
      if (row === undefined) continue
      if (row.decoding.ended) {
        this.#active.splice(i, 1)
        this.#model.close(row.slot)
        this.#hooks.onResult(row.decoding.result())
      } else if (this.#hooks.onPartial !== undefined) {
        const text = row.decoding.partial(now)
        if (text !== undefined) this.#hooks.onPartial(row.decoding.request.id, text)
      }
    }
  }
}
