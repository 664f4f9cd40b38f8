// Knows: a model's measured decoding speed at each batch size on a device, and the best batch size.

/** A model measured on a device. It belongs to the machine, not to a project. */
export interface MeasuredBatch {
  /** Of the model. */
  readonly fingerprint: string
  /** What computed it and how, such as `wasm, 2 threads, f32`. */
  readonly device: string
  /** The batch size with the most tokens a second. */
  readonly batch: number
  /** Every batch size that was measured, the smallest first. */
  readonly rates: readonly BatchRate[]
  /** A person set the batch size; it is not measured again by itself. */
  readonly byHand?: true
  /** Milliseconds since 1970. */
  readonly measuredAt: number
}

export interface BatchRate {
  /** Batch size. */
  readonly rows: number
  /** Of the whole batch. */
  readonly tokensPerSecond: number
}
