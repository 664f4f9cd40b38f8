// Knows: what generation needs of a model with a memory: rows that each have a slot, steps that bring new tokens to some of them.
// Must not know: where the memory lies (host-cache.ts, device-cache.ts), what is sampled.

/** New tokens for one row. */
export interface RowStep {
  /** Slot of the row, from `open`. */
  readonly slot: number
  readonly tokens: readonly number[]
  /** Indices into `tokens` after which logits are wanted, ascending. */
  readonly logitsAt: readonly number[]
}

/** A beginning that rows share, computed once. Opaque: made and read by the model that made it. */
export interface Prefix {
  readonly tokens: readonly number[]
  /** That it takes. */
  readonly bytes: number
  dispose(): void
}

export interface CachedModel {
  readonly vocabulary: number
  /** Of a hidden state. */
  readonly width: number
  /** Rows that fit at once now. */
  readonly slots: number
  /** Rows that `resize` gives room for at most. */
  readonly mostSlots: number
  /** Tokens of a row at most, shared beginning included. */
  readonly contextLength: number
  /** True where a step costs the same for one row as for all (the GPU), so that rows should join together. */
  readonly joinsTogether: boolean
  /** Gives room for so many rows at once, 1 to `mostSlots`. Only while no row is open: throws a RangeError otherwise. */
  resize(slots: number): void
  /** A free slot, empty; throws a RangeError when all are taken. */
  open(): number
  /** Gives a slot back. */
  close(slot: number): void
  /** Makes one open slot hold what another holds; absent where that is no cheaper than computing it again. */
  copy?(from: number, to: number): void
  /** Gives an empty row the tokens `[from, prefix.tokens.length)` of a prefix as its own, where `from` are shared; absent where `copy` is. */
  seed?(slot: number, prefix: Prefix, from: number): void
  /**
   * Brings the rows' new tokens behind what they hold; the shared beginning must be the same for a row's whole life.
   * Gives the wanted logits in the order of the rows and of their `logitsAt`: [wanted, vocabulary].
   * `keep` false: the rows are closed afterwards and their memory need not be written. `onHidden` is given the hidden states after the
   * final norm that these logits come from, in the same order: [wanted, width].
   */
  step(
    rows: readonly RowStep[],
    prefix: Prefix | undefined,
    keep: boolean,
    onHidden?: (hidden: Float32Array) => void,
  ): Promise<Float32Array>
  /**
   * Computes a shared beginning, in pieces; `tick` is called between them and may throw to stop. `base`: another prefix that has the
   * first `tokens` of it. `reused` of the answer: how many of these did not have to be computed again.
   */
  makePrefix(
    tokens: readonly number[],
    tick: (tokens: number) => Promise<void>,
    base?: { readonly prefix: Prefix; readonly tokens: number },
  ): Promise<{ readonly prefix: Prefix; readonly reused: number }>
  release(): Promise<void>
}

/** Tokens of a run at most over all its rows: the worker answers messages between runs. */
export const TOKENS_PER_RUN = 512
