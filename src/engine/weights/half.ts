// Knows: the conversion to and from half precision (IEEE 754 binary16).

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/**
 * The bits of the nearest half-precision number; ties go to the even one. Numbers that are too large become infinite.
 */
export function toHalf(value: number): number {
  float[0] = value
  const word = bits[0] ?? 0
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fff_ffff
  if (magnitude > 0x7f80_0000) return sign | 0x7e00 // not a number
  if (magnitude >= 0x4780_0000) return sign | 0x7c00 // 65,536 and above
  if (magnitude < 0x3880_0000) return sign | roundEven(Math.abs(value) * 2 ** 24) // below 2^-14: steps of 2^-24
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x3800_0000) >>> 13)
}

function roundEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}

/** Half-precision bits [from, to) as numbers. */
export function fromHalves(halves: Uint16Array, from = 0, to = halves.length): Float32Array {
  const out = new Float32Array(to - from)
  for (let i = 0; i < out.length; i++) {
    const half = halves[from + i] ?? 0
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >>> 10) & 31
    const fraction = half & 0x3ff
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24
    else if (exponent === 31) out[i] = fraction > 0 ? Number.NaN : sign * Infinity
    else out[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }
  return out
}
