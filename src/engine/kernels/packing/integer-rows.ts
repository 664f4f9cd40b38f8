// Knows: rows of weights as integers with scales, the form between a file's blocks and the kernels' layout.
import { BLOCK } from '../layouts.ts'

/** One row of K weights, w = d · (q − offset) + m, in blocks of 32. */
export interface IntegerRow {
  /** q, [K]; 0 to 15, or 0 to 255 with an offset of 128. */
  readonly q: Uint8Array
  /** One number per block, or two if d belongs to 16 weights: [K/32] or [K/16]. */
  readonly d: Float32Array
  /** [K/32]; unused without a minimum. */
  readonly m: Float32Array
}

export const makeIntegerRow = (K: number, halves: boolean): IntegerRow => ({
  q: new Uint8Array(K),
  d: new Float32Array((K / BLOCK) * (halves ? 2 : 1)),
  m: new Float32Array(K / BLOCK),
})

/** The reader of one type of tensor. One file per type in this folder; the index lists them. */
export interface IntegerReader {
  /** Name of the type in weights/quants. */
  readonly name: string
  /** The kind of packed weights that represents it without loss. */
  readonly kind: 'q4' | 'q4f' | 'q8' | 'q8m' | 'q8h'
  /** Reads `columns` weights (whole blocks) of the row that starts at `bytes[from]`. */
  readRow(bytes: Uint8Array, from: number, columns: number, row: IntegerRow): void
}
