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
  dispose(): void
}

export interface CachedModel {
  readonly vocabulary: number
  /** Of a hidden state. */
  readonly width: number
  /** Rows that fit at once. */
  readonly slots: number
  /** Tokens of a row at most, shared beginning included. */
  readonly contextLength: number
  /** True where a step costs the same for one row as for all (the GPU), so that rows should join together. */
  readonly joinsTogether: boolean
  /** A free slot, empty; throws a RangeError when all are taken. */
  open(): number
  /** Gives a slot back. */
  close(slot: number): void
  /** Makes one open slot hold what another holds; absent where that is no cheaper than computing it again. */
  copy?(from: number, to: number): void
  /**
   * Brings the rows' new tokens behind what they hold; the shared beginning must be the same for a row's whole life.
   * Gives the wanted logits in the order of the rows and of their `logitsAt`: [wanted, vocabulary].
   * `keep` false: the rows are closed afterwards and their memory need not be written. `onHidden` is given the hidden states after the
   * final norm that these logits come from, in the same order: [wanted, width].
   */
  step(rows: readonly RowStep[], prefix: Prefix | undefined, keep: boolean, onHidden?: (hidden: Float32Array) => void): Promise<Float32Array>
  /** Computes a shared beginning, in pieces; `tick` is called between them and may throw to stop. */
  makePrefix(tokens: readonly number[], tick: (tokens: number) => Promise<void>): Promise<Prefix>
  release(): Promise<void>
}

/** Tokens of a run at most over all its rows: the worker answers messages between runs. */
export const TOKENS_PER_RUN = 512
