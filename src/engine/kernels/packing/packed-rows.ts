// Knows: how rows of integers with scales are written to, and read from, the layout of a packed matrix.
import { toHalf } from '../../weights/half.ts'
import { fromHalf } from '../../weights/quants/quant.ts'
import { BLOCK, blockBytes, HALF_ROWS, PACKED, scaleBytes, type Dot, type PackedName } from '../layouts.ts'
import type { IntegerRow } from './integer-rows.ts'

/** Where a row of a matrix begins: its half of the group and its place there; `stride`: bytes from block to block. */
function findRow(
  name: PackedName,
  K: number,
  row: number,
): { start: number; inHalf: number; stride: number } {
  const half = blockBytes(PACKED[name])
  const stride = 2 * half
  return {
    start: (row >> 3) * (K / BLOCK) * stride + ((row >> 2) & 1) * half,
    inHalf: row & (HALF_ROWS - 1),
    stride,
  }
}

/** Numbers that half precision represents exactly; NaN and infinity do not count, since the kernels read them wrong. */
const isHalf = (x: number): boolean => Number.isFinite(x) && fromHalf(toHalf(x)) === x

/** Whether the scales of a row fit into a kind: half precision for `q4`. */
export const fits = (name: PackedName, { d, m }: IntegerRow): boolean =>
  PACKED[name].scales === 'float' || (d.every(isHalf) && m.every(isHalf))

/** Writes row `row` of a matrix of K columns (a multiple of 32) to `bytes`, the matrix's own. */
export function writePackedRow(
  name: PackedName,
  dot: Dot,
  K: number,
  row: number,
  { q, d, m }: IntegerRow,
  bytes: Uint8Array,
): void {
  const kind = PACKED[name]
  const { start, inHalf, stride } = findRow(name, K, row)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const perBlock = kind.halves ? 2 : 1
  const flip = dot === 'signed' ? 128 : 0
  for (let block = 0, at = start; block < K / BLOCK; block++, at += stride) {
    if (kind.scales === 'half') {
      view.setUint16(at + 2 * inHalf, toHalf(d[block] as number), true)
      view.setUint16(at + 8 + 2 * inHalf, toHalf(m[block] as number), true)
    } else {
      view.setFloat32(at + 4 * inHalf, d[block * perBlock] as number, true)
      if (kind.halves) view.setFloat32(at + 16 + 4 * inHalf, d[block * 2 + 1] as number, true)
      if (kind.hasMinimum) view.setFloat32(at + 16 + 4 * inHalf, m[block] as number, true)
    }
    const from = block * BLOCK
    let to = at + scaleBytes(kind) + 4 * inHalf
    if (kind.bits === 4)
      for (let k = from; k < from + BLOCK; k += 8, to += 16)
        for (let i = 0; i < 4; i++) bytes[to + i] = (q[k + i] as number) | ((q[k + 4 + i] as number) << 4)
    else
      for (let k = from; k < from + BLOCK; k += 4, to += 16)
        for (let i = 0; i < 4; i++) bytes[to + i] = (q[k + i] as number) ^ flip
  }
}

/** Reads a row as `writePackedRow` wrote it. */
export function readPackedRow(
  name: PackedName,
  dot: Dot,
  K: number,
  row: number,
  bytes: Uint8Array,
  { q, d, m }: IntegerRow,
): void {
  const kind = PACKED[name]
  const { start, inHalf, stride } = findRow(name, K, row)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const perBlock = kind.halves ? 2 : 1
  const flip = dot === 'signed' ? 128 : 0
  for (let block = 0, at = start; block < K / BLOCK; block++, at += stride) {
    if (kind.scales === 'half') {
      d[block] = fromHalf(view.getUint16(at + 2 * inHalf, true))
      m[block] = fromHalf(view.getUint16(at + 8 + 2 * inHalf, true))
    } else {
      d[block * perBlock] = view.getFloat32(at + 4 * inHalf, true)
      if (kind.halves) d[block * 2 + 1] = view.getFloat32(at + 16 + 4 * inHalf, true)
      if (kind.hasMinimum) m[block] = view.getFloat32(at + 16 + 4 * inHalf, true)
    }
    const to = block * BLOCK
    let from = at + scaleBytes(kind) + 4 * inHalf
    if (kind.bits === 4)
      for (let k = to; k < to + BLOCK; k += 8, from += 16)
        for (let i = 0; i < 4; i++) {
          q[k + i] = (bytes[from + i] as number) & 15
          q[k + 4 + i] = (bytes[from + i] as number) >> 4
        }
    else
      for (let k = to; k < to + BLOCK; k += 4, from += 16)
        for (let i = 0; i < 4; i++) q[k + i] = (bytes[from + i] as number) ^ flip
  }
}

/** The floats of a row, `columns` of them. */
export function floatsOfRow(
  name: PackedName,
  { q, d, m }: IntegerRow,
  columns: number,
  out: Float32Array,
  at: number,
): void {
  const { bits, hasMinimum, halves } = PACKED[name]
  const offset = bits === 4 ? 0 : 128
  const perScale = halves ? 16 : BLOCK
  for (let k = 0; k < columns; k++)
    out[at + k] =
      ((q[k] as number) - offset) * (d[Math.floor(k / perScale)] as number) +
      (hasMinimum ? (m[Math.floor(k / BLOCK)] as number) : 0)
}
