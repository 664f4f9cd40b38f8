// Knows: how fast a model wrote on a machine with so many rows together, and how many are best.

/** A model that was tried on a device. Of a machine, not of a project. */
export interface MeasuredBatch {
  /** Of the model. */
  readonly fingerprint: string
  /** What computed it and how, such as `wasm, 2 threads, f32`. */
  readonly device: string
  /** Rows that together write the most. */
  readonly batch: number
  /** What was tried, with fewer rows first. */
  readonly rates: readonly BatchRate[]
  /** Milliseconds since 1970. */
  readonly measuredAt: number
}

export interface BatchRate {
  readonly rows: number
  /** Of all rows together. */
  readonly tokensPerSecond: number
}
