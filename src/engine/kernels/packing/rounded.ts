// Knows: how floats are rounded to 8 bits in blocks of 32, as Q8_0 does: d = max|w| / 127, q = round(w / d).
import { BLOCK } from '../layouts.ts'
import type { IntegerRow } from './integer-rows.ts'

/** Rounds `columns` floats; q is stored plus 128. Numbers that are not finite make the scale, and so every product, not a number. */
export function roundFloats(values: Float32Array, columns: number, { q, d }: IntegerRow): void {
  for (let k = 0; k < columns; k += BLOCK) {
    const end = Math.min(columns, k + BLOCK)
    let largest = 0
    let finite = true
    for (let i = k; i < end; i++) {
      const size = Math.abs(values[i] ?? 0)
      if (!(size < Infinity)) finite = false
      if (size > largest) largest = size
    }
    const scale = finite ? Math.fround(largest / 127) : Number.NaN
    d[k / BLOCK] = scale
    const inverse = scale > 0 ? 1 / scale : 0
    for (let i = k; i < k + BLOCK; i++)
      q[i] = i < end ? 128 + Math.max(-127, Math.min(127, Math.round((values[i] ?? 0) * inverse))) : 128
  }
}
