// Knows: how requests become rows of a batch: who joins when, what each run brings to whom, how rows leave.
// Must not know: where the memory lies (host-cache.ts, device-cache.ts), what is drawn (writing.ts).
import type { TextTokenizer } from '../tokenizers/text-tokenizer.ts'
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import type { Pace } from './pace.ts'
import { branchBeginnings, type Prefixes } from './prefixes.ts'
import type { GenerateRequest, GenerateResult, Hooks } from './requests.ts'
import { Writing } from './writing.ts'

/**
 * Tokens of a prompt that a run brings to a row. The borders are the row's own, whoever else joins: a sum that is cut elsewhere is rounded
 * otherwise. Eight rows fill a run, and a row alone is as fast as in larger pieces.
 */
const PIECE = 64
const ROWS_JOINING = TOKENS_PER_RUN / PIECE

/** A row of the batch. */
interface Active {
  readonly slot: number
  readonly writing: Writing
  /** Tokens that the model has not seen yet. */
  pending: readonly number[]
  /** Another row with the same prompt, whose memory is copied instead of computing it again; gone once that is done. */
  leader: Active | undefined
}

export class WritingRows {
  readonly #model: CachedModel
  readonly #tokenizer: TextTokenizer
  readonly #prefixes: Prefixes
  readonly #pace: Pace
  readonly #hooks: Hooks<GenerateResult>
  /** What all rows of the call begin with. */
  readonly #prefix: Prefix | undefined
  readonly #queue: { readonly request: GenerateRequest; readonly branch: readonly number[] | undefined }[]
  readonly #active: Active[] = []

  constructor(
    model: CachedModel,
    tokenizer: TextTokenizer,
    prefixes: Prefixes,
    pace: Pace,
    hooks: Hooks<GenerateResult>,
    requests: readonly GenerateRequest[],
    prefix: Prefix | undefined,
  ) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#prefixes = prefixes
    this.#pace = pace
    this.#hooks = hooks
    this.#prefix = prefix
    const branches =
      model.seed === undefined
        ? []
        : branchBeginnings(
            requests.map(({ tokens }) => tokens),
            prefix?.tokens.length ?? 0,
          )
    this.#queue = requests.map((request, i) => ({ request, branch: branches[i] }))
  }

  /** Works until all rows are told. Rejects with an AbortError when stopped: then `tellAborted` tells what is there. */
  async work(): Promise<void> {
    const { signal } = this.#hooks
    while (this.#queue.length > 0 || this.#active.length > 0) {
      signal?.throwIfAborted()
      await this.#admit()
      await this.#stepOnce()
      this.#tellAndLeave()
      await this.#pace.tick(signal)
    }
  }

  tellAborted(): void {
    for (const { writing } of this.#active) this.#hooks.onResult(writing.result())
  }

  /** Gives all slots back. */
  close(): void {
    for (const { slot } of this.#active.splice(0)) this.#model.close(slot)
  }

  /** Fills free slots. Rows with one prompt follow the first of them, and stand behind all that are computed. */
  async #admit(): Promise<void> {
    const { slots, joinsTogether } = this.#model
    const free = slots - this.#active.length
    if (free === 0 || (joinsTogether && this.#active.length > 0 && free < slots / 2)) return
    const leaders = new Map<string, Active>()
    const followers: { request: GenerateRequest; leader: Active }[] = []
    for (const { request, branch } of this.#queue.splice(0, free)) {
      const key = request.tokens.join()
      const leader = this.#model.copy === undefined ? undefined : leaders.get(key)
      if (leader !== undefined) {
        followers.push({ request, leader })
        continue
      }
      const row = this.#join(request, undefined)
      leaders.set(key, row)
      if (branch !== undefined) await this.#giveBranch(row, branch)
    }
    for (const { request, leader } of followers) this.#join(request, leader)
  }

  #join(request: GenerateRequest, leader: Active | undefined): Active {
    const writing = new Writing(request, this.#tokenizer, this.#model.contextLength - request.tokens.length)
    const shared = this.#prefix?.tokens.length ?? 0
    this.#pace.sharedTokens += leader === undefined ? shared : request.tokens.length
    const row: Active = { slot: this.#model.open(), writing, pending: request.tokens.slice(shared), leader }
    this.#active.push(row)
    return row
  }

  /** What some rows of the call share beyond what all do is computed once and copied into each. */
  async #giveBranch(row: Active, branch: readonly number[]): Promise<void> {
    const { signal } = this.#hooks
    const shared = this.#prefix?.tokens.length ?? 0
    const found = await this.#prefixes.find(
      branch,
      async (tokens) => {
        this.#pace.promptTokens += tokens
        await this.#pace.tick(signal)
      },
      this.#prefix,
    )
    if (found === undefined) return
    this.#model.seed?.(row.slot, found.prefix, shared)
    row.pending = row.pending.slice(branch.length - shared)
    this.#pace.sharedTokens += Math.max(0, found.reused - shared)
  }

  /** One run: a piece of the prompts of rows that joined, or a token for every row. */
  async #stepOnce(): Promise<void> {
    const active = this.#active
    const joining = active
      .filter(({ pending, leader }) => pending.length > 1 && leader === undefined)
      .slice(0, this.#model.joinsTogether ? undefined : ROWS_JOINING)
    // A prompt of one token behind a prefix is no different from a row that writes.
    const rows = joining.length > 0 ? joining : active.filter(({ leader }) => leader === undefined)
    const piece =
      joining.length === 0
        ? 1
        : this.#model.joinsTogether
          ? Math.max(1, Math.floor(TOKENS_PER_RUN / joining.length))
          : PIECE
    const steps = rows.map(({ slot, pending }): RowStep => {
      const tokens = pending.slice(0, piece)
      return { slot, tokens, logitsAt: tokens.length === pending.length ? [tokens.length - 1] : [] }
    })
    const logits = await this.#model.step(steps, this.#prefix, true)
    const { vocabulary } = this.#model
    let at = 0
    rows.forEach((row, i) => {
      const step = steps[i]
      if (step === undefined) return
      if (joining.length > 0) this.#pace.promptTokens += step.tokens.length
      row.pending = row.pending.slice(step.tokens.length)
      if (step.logitsAt.length === 0) return
      const from = at++ * vocabulary
      const followers = active.filter(({ leader }) => leader === row)
      // Drawing changes the logits, so followers take theirs first.
      for (const follower of followers) {
        this.#model.copy?.(row.slot, follower.slot)
        follower.leader = undefined
        this.#write(follower, logits.slice(from, from + vocabulary), 0)
      }
      this.#write(row, logits, from)
    })
  }

  #write(row: Active, logits: Float32Array, from: number): void {
    const token = row.writing.advance(logits, from, this.#model.vocabulary)
    row.pending = token === undefined ? [] : [token]
    this.#pace.newTokens++
  }

  #tellAndLeave(): void {
    const now = performance.now()
    for (let i = this.#active.length - 1; i >= 0; i--) {
      const row = this.#active[i]
      if (row === undefined) continue
      if (row.writing.ended) {
        this.#active.splice(i, 1)
        this.#model.close(row.slot)
        this.#hooks.onResult(row.writing.result())
      } else if (this.#hooks.onPartial !== undefined) {
        const text = row.writing.partial(now)
        if (text !== undefined) this.#hooks.onPartial(row.writing.request.id, text)
      }
    }
  }
}
