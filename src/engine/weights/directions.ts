// Knows: how a vector of which only the direction matters is stored in 16-bit floats.
import { toHalf } from './half.ts'
import { fromHalf } from './quants/quant.ts'

/**
 * Writes `width` numbers from `from[at]` as halves to `to[place]`, scaled to a root mean square of 1: no component is then too large
 * (the largest is √width), and those that become too small to be told count for nothing in a product. Nothing stays nothing.
 */
export function storeDirection(
  from: Float32Array,
  at: number,
  width: number,
  to: Uint16Array,
  place: number,
): void {
  let squares = 0
  for (let i = 0; i < width; i++) squares += (from[at + i] ?? 0) ** 2
  const scale = squares > 0 ? Math.sqrt(width / squares) : 0
  for (let i = 0; i < width; i++) to[place + i] = toHalf((from[at + i] ?? 0) * scale)
}

/** Reads `width` halves from `from[at]` to `to[place]`. */
export function readDirection(
  from: Uint16Array,
  at: number,
  width: number,
  to: Float32Array,
  place: number,
): void {
  for (let i = 0; i < width; i++) to[place + i] = fromHalf(from[at + i] ?? 0)
}
