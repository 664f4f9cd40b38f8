// Knows: how the direction of a vector is stored in 16-bit floats.
import { toHalf } from './half.ts'
import { fromHalf } from './quants/quant.ts'

/**
 * Writes `width` numbers from `from[at]` as halves to `to[offset]`, scaled to a root mean square of 1: no component is
 * then too large (the largest is √width), and those that underflow do not matter in a product. Zero stays zero.
 */
export function storeDirection(
  from: Float32Array,
  at: number,
  width: number,
  to: Uint16Array,
  offset: number,
): void {
  let squares = 0
  for (let i = 0; i < width; i++) squares += (from[at + i] ?? 0) ** 2
  const scale = squares > 0 ? Math.sqrt(width / squares) : 0
  for (let i = 0; i < width; i++) to[offset + i] = toHalf((from[at + i] ?? 0) * scale)
}

/** Reads `width` halves from `from[at]` to `to[offset]`. */
export function readDirection(
  from: Uint16Array,
  at: number,
  width: number,
  to: Float32Array,
  offset: number,
): void {
  for (let i = 0; i < width; i++) to[offset + i] = fromHalf(from[at + i] ?? 0)
}

/** The vector scaled to length 1, in bits of 16-bit floats; undefined if it is zero or not finite. */
export function toUnitHalves(vector: Float32Array): Uint16Array | undefined {
  let squares = 0
  for (const value of vector) squares += value ** 2
  if (!(squares > 0) || !Number.isFinite(squares)) return undefined
  const scale = 1 / Math.sqrt(squares)
  return Uint16Array.from(vector, (value) => toHalf(value * scale))
}
