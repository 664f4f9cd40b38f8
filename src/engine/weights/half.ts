// Knows: how a number becomes one of 16 bits (IEEE 754 binary16).

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** The nearest half-precision number's bits; exactly between two, the even one. Too large becomes infinite. */
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
