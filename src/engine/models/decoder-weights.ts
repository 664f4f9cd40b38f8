// Knows: a model's weights in memory in the form that the decoder needs: its matrices and their layouts.
// Must not know: files, graphs, sessions.
import type { DecoderShape } from './shape.ts'

/** The matrices of a layer. `qkv` stacks q, k and v, `gateUp` stacks gate and up, along N, in that order. */
export type LayerLinear = 'qkv' | 'output' | 'gateUp' | 'down'

/** The norms; `final` belongs to no layer, and those after it exist only if the shape says so. */
export type NormName =
  | 'attention'
  | 'feedForward'
  | 'final'
  | 'postAttention'
  | 'postFeedForward'
  | 'query'
  | 'key'

/** A plain matrix for `MatMul`: y = x · data. */
export interface DenseWeight {
  readonly kind: 'f32'
  readonly K: number
  readonly N: number
  /** [K, N] */
  readonly data: Float32Array
}

/**
 * Four bits in blocks of 32 along K, for `MatMulNBits`: w = (q − zero point) · scale, and with a `correction`
 * y += blocksum(x) · correction, which makes integer zero points exact for types that store a minimum.
 */
export interface FourBitWeight {
  readonly kind: 'nb4s'
  readonly K: number
  readonly N: number
  /** [N, K/32, 16]; byte j of a block holds elements 2j (low) and 2j+1 (high). */
  readonly b: Uint8Array
  /** [N, K/32] */
  readonly scales: Float32Array
  /** [N, ceil(K/32 / 2)], two zero points per byte, the even block in the low half. */
  readonly zeroPoints: Uint8Array
  /** [K/32, N] */
  readonly correction?: Float32Array
}

/** Eight bits in blocks of 32 along K, for `MatMulNBits` with its default zero point 128: exact for Q8_0. */
export interface EightBitWeight {
  readonly kind: 'nb8'
  readonly K: number
  readonly N: number
  /** [N, K/32, 32] */
  readonly b: Uint8Array
  /** [N, K/32] */
  readonly scales: Float32Array
}

export type LinearWeight = DenseWeight | FourBitWeight | EightBitWeight

/** All weights of a decoder. q and k rows are in half-split order (element i rotates with i + headWidth/2). */
export interface LoadedWeights {
  readonly shape: DecoderShape
  linear(layer: number, which: LayerLinear): LinearWeight
  /** Gain, [width], or [headWidth] of `query` and `key`; `layer` is ignored for `final`. */
  norm(layer: number, which: NormName): Float32Array
  /** The biases of q|k|v, if the shape says so: [(heads + 2 kvHeads) · headWidth]. */
  qkvBias?(layer: number): Float32Array
  /** The head, [width → vocabulary]; a separate copy if it is tied to the embedding. */
  readonly head: LinearWeight
  /**
   * Writes the embedding of one token to `out[at … at+width)`. Throws a RangeError for an id outside the vocabulary.
   * Keeps only the embedding in memory.
   */
  readonly embedRow: (id: number, out: Float32Array, at: number) => void
  /** Total bytes. */
  readonly bytes: number
}
