// Knows: how whole tensors and stacked rows of tensors become matrices in the layouts of loaded.ts.
// Must not know: which tensors a model has (llama-gguf.ts).
import type { GgufTensor } from './gguf/gguf-header.ts'
import type { DenseWeight, EightBitWeight, FourBitWeight } from './loaded.ts'
import { findQuant } from './quants/index.ts'
import { readHalf } from './quants/quant.ts'
import type { Quant } from './quants/quant.ts'

/** Rows of one tensor, read from a file, in the requested order. */
export interface RowBlock {
  readonly quant: Quant
  /** Bytes of the whole tensor. */
  readonly bytes: Uint8Array
  readonly columns: number
  readonly rows: number
  /** Row of the tensor at index r; undefined: the order of the file. */
  readonly order?: Int32Array
}

/**
 * Writes one row of `columns` values that starts at `bytes[from]` to `out[outFrom …]`. Throws a RangeError for a type
 * that is not supported.
 */
export function dequantiseRow(
  type: string,
  bytes: Uint8Array,
  from: number,
  columns: number,
  out: Float32Array,
  outFrom: number,
): void {
  requireQuant(type).readRow(bytes, from, columns, out, outFrom)
}

/** All values of a tensor in the file's order; `bytes` contain only this tensor. */
export function dequantise(tensor: GgufTensor, bytes: Uint8Array): Float32Array {
  const elements = tensor.shape.reduce((product, size) => product * size, 1)
  const out = new Float32Array(elements)
  requireQuant(tensor.type.name).readRow(bytes, 0, elements, out, 0)
  return out
}

/** The reader of a type. Throws a RangeError: describeGguf refuses such files before anything is loaded. */
export function requireQuant(type: string): Quant {
  const quant = findQuant(type)
  if (quant === undefined) throw new RangeError(`Tensors of type ${type} are not supported.`)
  return quant
}

/**
 * Stacks rows [N, K] and transposes them to [K, N]. Sixteen rows at a time: their values of one k are one cache line of
 * the result, so it is as fast as reading the quantised bytes.
 */
export function toDense(blocks: readonly RowBlock[]): DenseWeight {
  const { K, N } = measure(blocks)
  const data = new Float32Array(K * N)
  const GROUP = 16
  const scratch = new Float32Array(GROUP * K)
  let n = 0
  for (const block of blocks) {
    const rowBytes = (K / block.quant.elements) * block.quant.blockBytes
    for (let from = 0; from < block.rows; from += GROUP) {
      const count = Math.min(GROUP, block.rows - from)
      for (let i = 0; i < count; i++) {
        const row = block.order === undefined ? from + i : (block.order[from + i] as number)
        block.quant.readRow(block.bytes, row * rowBytes, K, scratch, i * K)
      }
      for (let k = 0, to = n; k < K; k++, to += N) {
        for (let i = 0, at = k; i < count; i++, at += K) data[to + i] = scratch[at] as number
      }
      n += count
    }
  }
  return { kind: 'f32', K, N, data }
}

/**
 * Repacks rows of four-bit types without loss, or undefined if a block's type does not allow it. Types with a minimum m
 * get the integer zero point z = round(−m / d) within 0 … 15, and `correction` = m + z · d: the part that z cannot
 * represent.
 */
export function toFourBit(blocks: readonly RowBlock[]): FourBitWeight | undefined {
  const { K, N } = measure(blocks)
  if (K % 32 !== 0 || blocks.some(({ quant }) => quant.readFourBits === undefined)) return undefined
  const perRow = K / 32
  const b = new Uint8Array(N * perRow * 16)
  const scales = new Float32Array(N * perRow)
  const minima = new Float32Array(N * perRow)
  let n = 0
  for (const { quant, bytes, rows, order } of blocks) {
    const rowBytes = (K / quant.elements) * quant.blockBytes
    for (let r = 0; r < rows; r++, n++) {
      quant.readFourBits?.(
        bytes,
        (order === undefined ? r : (order[r] as number)) * rowBytes,
        K,
        b,
        scales,
        minima,
        n * perRow,
      )
    }
  }
  const zeroBytes = Math.ceil(perRow / 2)
  const zeroPoints = new Uint8Array(N * zeroBytes)
  const correction = new Float32Array(perRow * N)
  let corrects = false
  for (let row = 0; row < N; row++) {
    for (let k = 0; k < perRow; k++) {
      const scale = scales[row * perRow + k] as number
      const minimum = minima[row * perRow + k] as number
      const zero = scale === 0 ? 0 : Math.min(15, Math.max(0, Math.round(-minimum / scale)))
      const at = row * zeroBytes + (k >> 1)
      zeroPoints[at] = (zeroPoints[at] as number) | (zero << ((k & 1) * 4))
      const rest = minimum + zero * scale
      correction[k * N + row] = rest
      corrects ||= rest !== 0
    }
  }
  return corrects
    ? { kind: 'nb4s', K, N, b, scales, zeroPoints, correction }
    : { kind: 'nb4s', K, N, b, scales, zeroPoints }
}

/** Repacks Q8_0 rows without loss, or undefined if a block has another type: q + 128 in a byte, zero point 128. */
export function toEightBit(blocks: readonly RowBlock[]): EightBitWeight | undefined {
  const { K, N } = measure(blocks)
  if (blocks.some(({ quant }) => quant.name !== 'Q8_0')) return undefined
  const perRow = K / 32
  const b = new Uint8Array(N * K)
  const scales = new Float32Array(N * perRow)
  let block = 0
  for (const { bytes, rows, order } of blocks) {
    for (let r = 0; r < rows; r++) {
      let from = (order === undefined ? r : (order[r] as number)) * perRow * 34
      for (let k = 0; k < perRow; k++, block++, from += 34) {
        scales[block] = readHalf(bytes, from)
        for (let j = 0; j < 32; j++) b[block * 32 + j] = (bytes[from + 2 + j] as number) ^ 128
      }
    }
  }
  return { kind: 'nb8', K, N, b, scales }
}

function measure(blocks: readonly RowBlock[]): { K: number; N: number } {
  const K = blocks[0]?.columns ?? 0
  if (blocks.some(({ columns }) => columns !== K)) throw new RangeError('Stacked rows differ in length.')
  return { K, N: blocks.reduce((sum, { rows }) => sum + rows, 0) }
}
