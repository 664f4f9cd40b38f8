// Knows: how stacked rows of tensors become a matrix in the kernels' memory, and how rows are read from it again.
// Must not know: which matrices a model has (weights.ts).
import type { RowBlock } from '../weights/dequantise.ts'
import {
  BLOCK,
  FLOAT_CODE,
  floatBytes,
  GROUP_ROWS,
  PACKED,
  packedBytes,
  roundUp,
  type PackedName,
} from './layouts.ts'
import type { Kernels } from './module.ts'
import { findIntegerReader } from './packing/index.ts'
import { makeIntegerRow, type IntegerRow } from './packing/integer-rows.ts'
import { fits, floatsOfRow, readPackedRow, writePackedRow } from './packing/packed-rows.ts'
import { roundFloats } from './packing/rounded.ts'

/**
 * How weights are held. `exact`: all as floats, and activations are not rounded. `packed`: integers as the file has them, floats as
 * floats. `rounded`: the same, but floats are rounded to 8 bits.
 */
export type KernelForm = 'exact' | 'packed' | 'rounded'

/** Rows of one kind, [rows, K]; `rows` is a multiple of 8 except in the last part of a matrix. */
export interface MatrixPart {
  readonly kind: PackedName | 'floats'
  readonly code: number
  readonly address: number
  readonly firstRow: number
  readonly rows: number
}

export interface KernelMatrix {
  /** Rounded up to whole blocks. */
  readonly K: number
  /** Rounded up to whole groups. */
  readonly N: number
  readonly parts: readonly MatrixPart[]
  readonly bytes: number
  /** Whether rows of it are floats in the file, though they may be rounded here. */
  readonly hasFloats: boolean
}

/** The kind for a tensor's type, and whether it represents it without loss. */
function kindOf({ quant }: RowBlock, form: KernelForm): PackedName | 'floats' {
  if (form === 'exact') return 'floats'
  return findIntegerReader(quant.name)?.kind ?? (form === 'rounded' ? 'q8' : 'floats')
}

/** Whether a matrix of this type has the file's numbers. */
export const isLossless = (block: RowBlock, form: KernelForm): boolean =>
  findIntegerReader(block.quant.name) !== undefined || form !== 'rounded'

/**
 * Packs stacked rows into memory of their own. Throws a RangeError if rows differ in length or a block that is not the last has rows that
 * fill no groups, and EngineError `out-of-memory`.
 */
export function packMatrix(kernels: Kernels, blocks: readonly RowBlock[], form: KernelForm): KernelMatrix {
  const columns = blocks[0]?.columns ?? 0
  if (blocks.some((block) => block.columns !== columns))
    throw new RangeError('Stacked rows differ in length.')
  if (blocks.slice(0, -1).some(({ rows }) => rows % GROUP_ROWS !== 0))
    throw new RangeError(`Stacked rows are not multiples of ${GROUP_ROWS}.`)
  const parts: MatrixPart[] = []
  const hasFloats = blocks.some(({ quant }) => findIntegerReader(quant.name) === undefined)
  let firstRow = 0
  let bytes = 0
  for (let from = 0; from < blocks.length;) {
    const kind = kindOf(blocks[from] as RowBlock, form)
    let to = from + 1
    while (to < blocks.length && kindOf(blocks[to] as RowBlock, form) === kind) to++
    const part = packPart(kernels, blocks.slice(from, to), columns, kind)
    parts.push({ ...part, firstRow })
    firstRow += part.rows
    bytes += part.bytes
    from = to
  }
  return { K: roundUp(columns, BLOCK), N: roundUp(firstRow, GROUP_ROWS), parts, bytes, hasFloats }
}

function packPart(
  kernels: Kernels,
  blocks: readonly RowBlock[],
  columns: number,
  kind: PackedName | 'floats',
): Omit<MatrixPart, 'firstRow'> & { readonly bytes: number } {
  const { heap, dot } = kernels
  const K = roundUp(columns, BLOCK)
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
  const bytes = kind === 'floats' ? floatBytes(K, rows) : packedBytes(PACKED[kind], K, rows)
  const address = heap.allocate(bytes)
  const part = { kind, code: kind === 'floats' ? FLOAT_CODE : PACKED[kind].code, address, rows, bytes }
  const packed = heap.bytes.subarray(address, address + bytes)
  const floats = new Float32Array(K)
  const row: IntegerRow = makeIntegerRow(K, kind !== 'floats' && PACKED[kind].halves)
  let n = 0
  for (const block of blocks) {
    const { quant, order } = block
    const reader = findIntegerReader(quant.name)
    const rowBytes = (columns / quant.elements) * quant.blockBytes
    for (let r = 0; r < block.rows; r++, n++) {
      const from = (order === undefined ? r : (order[r] as number)) * rowBytes
      if (kind === 'floats' || reader === undefined) quant.readRow(block.bytes, from, columns, floats, 0)
      if (kind === 'floats') writeFloatRow(heap.floats, address, K, n, floats)
      else {
        if (reader === undefined) roundFloats(floats, columns, row)
        else reader.readRow(block.bytes, from, columns, row)
        // Scales of a damaged or very unusual file: as floats they are what they are.
        if (!fits(kind, row)) return packPart(kernels, blocks, columns, 'q4f')
        writePackedRow(kind, dot, K, n, row, packed)
      }
    }
  }
  // Rows that fill the last group are zero, whatever the offset of the integers: their scales are zero.
  return part
}

/** Row n of a matrix of floats, [K][8] for each group. */
function writeFloatRow(heap: Float32Array, address: number, K: number, n: number, row: Float32Array): void {
  const start = address / 4 + Math.floor(n / GROUP_ROWS) * GROUP_ROWS * K + (n % GROUP_ROWS)
  for (let k = 0; k < K; k++) heap[start + GROUP_ROWS * k] = row[k] as number
}

/** Reads rows of a matrix as floats: `columns` of them to `out[at …]`. */
export function makeMatrixReader(
  { heap, dot }: Kernels,
  { K, parts }: KernelMatrix,
  columns: number,
): (row: number, out: Float32Array, at: number) => void {
  const integers = new Map(
    parts.map(({ kind }) => [kind, makeIntegerRow(K, kind !== 'floats' && PACKED[kind].halves)]),
  )
  return (row, out, at) => {
    const part = parts.findLast(({ firstRow }) => firstRow <= row)
    const own = part && integers.get(part.kind)
    if (part === undefined || own === undefined) throw new RangeError(`There is no row ${row}.`)
    const { kind, address, firstRow } = part
    const n = row - firstRow
    if (kind === 'floats') {
      const start = address / 4 + Math.floor(n / GROUP_ROWS) * GROUP_ROWS * K + (n % GROUP_ROWS)
      for (let k = 0; k < columns; k++) out[at + k] = heap.floats[start + GROUP_ROWS * k] as number
      return
    }
    readPackedRow(kind, dot, K, n, heap.bytes.subarray(address), own)
    floatsOfRow(kind, own, columns, out, at)
  }
}
