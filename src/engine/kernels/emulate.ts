// Knows: the kernels' integer products in scalar code, operation by operation, and those of floats: what every module must compute to the last bit.
// Must not know: modules, memory.
import { BLOCK, PACKED, type PackedName } from './layouts.ts'
import type { IntegerRow } from './packing/integer-rows.ts'

const f32 = Math.fround

/** A row of activations in blocks of 32: x ≈ d · q. */
export interface RoundedRow {
  readonly q: Int8Array
  readonly d: Float32Array
  /** d · sum of q. */
  readonly sum: Float32Array
}

/** Rounds K floats, K a multiple of 32; as assembly/round.as. */
export function emulateRounding(x: Float32Array): RoundedRow {
  const blocks = x.length / BLOCK
  const row = { q: new Int8Array(x.length), d: new Float32Array(blocks), sum: new Float32Array(blocks) }
  for (let block = 0; block < blocks; block++) {
    let largest = 0
    for (let i = 0; i < BLOCK; i++) largest = Math.max(largest, Math.abs(x[block * BLOCK + i] as number))
    const d = f32(largest * f32(1 / 127))
    const inverse = largest > 0 ? f32(127 / largest) : 0
    let sum = 0
    for (let i = 0; i < BLOCK; i++) {
      // Adding 1.5 · 2^23 rounds to the nearest integer, ties to even.
      const q = f32(f32((x[block * BLOCK + i] as number) * inverse) + 12_582_912) - 12_582_912
      row.q[block * BLOCK + i] = q
      sum += q
    }
    row.d[block] = d
    row.sum[block] = f32(d * sum)
  }
  return row
}

/** One element of a product: a row of weights times a row of activations; as the tiles of build/products.ts. */
export function emulateProduct(name: PackedName, { q, d, m }: IntegerRow, x: RoundedRow): number {
  const { bits, hasMinimum, halves } = PACKED[name]
  const offset = bits === 4 ? 0 : 128
  const span = halves ? BLOCK / 2 : BLOCK
  let y = 0
  for (let at = 0, s = 0; at < q.length; at += span, s++) {
    const block = Math.floor(at / BLOCK)
    let integer = 0
    for (let i = at; i < at + span; i++) integer += ((q[i] as number) - offset) * (x.q[i] as number)
    const scaled = f32(f32((d[s] as number) * (x.d[block] as number)) * integer)
    y = f32(y + (hasMinimum ? f32(scaled + f32((m[block] as number) * (x.sum[block] as number))) : scaled))
  }
  return y
}

/** The same with activations that are not rounded: a row of weights as floats times a row of activations, summed in order. */
export function emulateFloatProduct(weights: Float32Array, x: Float32Array): number {
  let y = 0
  for (let k = 0; k < x.length; k++) y = f32(y + f32((weights[k] as number) * (x[k] as number)))
  return y
}
