// Knows: what generation needs of a model with a KV cache: one slot per row, and steps that append new tokens
// to some rows.
// Must not know: where the KV cache is stored (host-cache.ts, device-cache.ts), how tokens are sampled.

/** New tokens for one row. */
export interface RowStep {
  /** Slot of the row, from `open`. */
  readonly slot: number
  readonly tokens: readonly number[]
  /** Indices into `tokens` after which logits are needed, ascending. */
  readonly logitsAt: readonly number[]
}

/** The keys and values of a prefix that rows share, computed once. Opaque: only the model that made it reads it. */
export interface Prefix {
  readonly tokens: readonly number[]
  /** Memory that it takes. */
  readonly bytes: number
  dispose(): void
}

export interface CachedModel {
  readonly vocabulary: number
  /** Width of a hidden state. */
  readonly width: number
  /** Rows that fit at the same time now. */
  readonly slots: number
  /** Largest number of slots that `resize` accepts. */
  readonly maxSlots: number
  /** Max tokens of a row, shared prefix included. */
  readonly contextLength: number
  /** True if a step costs the same for one row as for all (the GPU), so that rows should join at the same time. */
  readonly batchesStatically: boolean
  /** Sets the number of slots, 1 to `maxSlots`. Throws a RangeError while any row is open. */
  resize(slots: number): void
  /** Takes a free, empty slot; throws a RangeError if all are taken. */
  open(): number
  /** Frees a slot. */
  close(slot: number): void
  /** Copies the cache of one open slot to another; absent if that is no cheaper than computing it again. */
  copy?(from: number, to: number): void
  /**
   * Copies tokens `[from, prefix.tokens.length)` of a prefix into an empty row, whose first `from` tokens are
   * shared; absent if `copy` is.
   */
  loadPrefix?(slot: number, prefix: Prefix, from: number): void
  /**
   * Appends the rows' new tokens to the cache; the shared prefix must stay the same for a row's whole life.
   * Returns the requested logits in the order of the rows and of their `logitsAt`: [requested, vocabulary].
   * `keep` false: the rows are closed afterwards and their cache need not be written. `onHidden` gets the
   * hidden states after the final norm from which these logits are computed, in the same order: [requested,
   * width].
   */
  step(
    rows: readonly RowStep[],
    prefix: Prefix | undefined,
    keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array>
  /**
   * Computes a shared prefix in chunks; `tick` is called between them and may throw to stop. `base`: another
   * prefix that has the same first `tokens` tokens. Returns in `reused` how many of these were not computed
   * again.
   */
  makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    base?: { readonly prefix: Prefix; readonly tokens: number },
  ): Promise<{ readonly prefix: Prefix; readonly reused: number }>
  release(): Promise<void>
}

/** Max tokens of a run over all its rows: the worker handles messages between runs. */
export const TOKENS_PER_RUN = 512
