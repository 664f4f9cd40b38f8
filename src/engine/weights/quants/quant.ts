// Knows: the interface of a tensor type, and half-precision numbers.

/** The reader of one tensor type. One file per type in this folder; the index lists them. */
export interface Quant {
  readonly name: string
  /** Elements and bytes of a block. */
  readonly elements: number
  readonly blockBytes: number
  /** Writes `columns` values (a whole number of blocks) of the row that starts at `bytes[from]` to `out[at …]`. */
  readRow(bytes: Uint8Array, from: number, columns: number, out: Float32Array, at: number): void
  /**
   * Only for types whose values are scale · q + minimum with q in 0 … 15 over blocks of 32: copies a row without loss.
   * `b` gets 16 bytes a block (byte j: elements 2j low, 2j+1 high) from `block · 16`, `scales` and `minima` one number
   * per block from `block`.
   */
  readonly readFourBits?: (
    bytes: Uint8Array,
    from: number,
    columns: number,
    b: Uint8Array,
    scales: Float32Array,
    minima: Float32Array,
    block: number,
  ) => void
}

const HALF = makeHalfTable()

/** The IEEE half-precision number at `bytes[at]`, little-endian. */
export const readHalf = (bytes: Uint8Array, at: number): number =>
  HALF[(bytes[at] as number) | ((bytes[at + 1] as number) << 8)] as number

/** The number whose half-precision bits these are. */
export const fromHalf = (bits: number): number => HALF[bits] as number

/** A table of all 65,536 halves: reading one is a look-up, and scales are read for every 32 weights. */
function makeHalfTable(): Float32Array {
  const table = new Float32Array(65_536)
  for (let bits = 0; bits < 65_536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 31
    const fraction = bits & 1023
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24
    else if (exponent === 31) table[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }
  return table
}

/** Repacks 16 bytes in ggml's order (byte j: elements j low, j+16 high) to pairs of neighbours. */
export function pairNibbles(bytes: Uint8Array, from: number, b: Uint8Array, to: number): void {
  for (let j = 0; j < 8; j++) {
    const even = bytes[from + 2 * j] as number
    const odd = bytes[from + 2 * j + 1] as number
    b[to + j] = (even & 15) | ((odd & 15) << 4)
    b[to + 8 + j] = (even >> 4) | (odd & 0xf0)
  }
}

/**
 * The 6-bit scale and minimum of sub-block `j` (0 … 7), as Q4_K and Q5_K pack eight of each into 12 bytes: scale |
 * minimum << 6.
 */
export function readScaleAndMinimum(bytes: Uint8Array, from: number, j: number): number {
  if (j < 4) return ((bytes[from + j] as number) & 63) | (((bytes[from + j + 4] as number) & 63) << 6)
  const low = bytes[from + j + 4] as number
  const scale = (low & 15) | (((bytes[from + j - 4] as number) >> 6) << 4)
  const minimum = (low >> 4) | (((bytes[from + j] as number) >> 6) << 4)
  return scale | (minimum << 6)
}
