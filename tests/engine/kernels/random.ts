// Knows: random weights and activations for tests of the kernels, the same everywhere.
import { BLOCK, PACKED, type PackedName } from '../../../src/engine/kernels/layouts.ts'
import { makeIntegerRow, type IntegerRow } from '../../../src/engine/kernels/packing/integer-rows.ts'
import { toHalf } from '../../../src/engine/weights/half.ts'
import { fromHalf } from '../../../src/engine/weights/quants/quant.ts'

export type Random = () => number

/** Numbers in [0, 1). */
export function makeNumbers(seed: number): Random {
  let state = (seed * 2_654_435_761) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** A row whose integers use their whole range, with extremes; scales are halves, some of them zero, negative or subnormal. */
export function makeRandomRow(name: PackedName, K: number, random: Random): IntegerRow {
  const { bits, halves } = PACKED[name]
  const row = makeIntegerRow(K, halves)
  const largest = bits === 4 ? 15 : 255
  for (let k = 0; k < K; k++) {
    const kind = random()
    row.q[k] = kind < 0.1 ? 0 : kind < 0.2 ? largest : Math.floor(random() * (largest + 1))
  }
  const scale = (): number => {
    const kind = random()
    const size = kind < 0.05 ? 0 : kind < 0.1 ? 1e-6 : 0.001 + random() * 0.1
    return fromHalf(toHalf(random() < 0.2 ? -size : size))
  }
  for (let i = 0; i < row.d.length; i++) row.d[i] = scale()
  for (let i = 0; i < K / BLOCK; i++) row.m[i] = scale()
  return row
}

/** Activations with outliers and with blocks of zeros. */
export const makeActivations = (K: number, random: Random): Float32Array =>
  Float32Array.from({ length: K }, (_, k) =>
    Math.floor(k / BLOCK) % 5 === 4 ? 0 : (random() - 0.5) * (random() < 0.03 ? 300 : 4),
  )
