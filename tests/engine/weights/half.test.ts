// Half precision: every number converts back from its value, and values between two round to the nearer.
import { expect, test } from 'vitest'
import { toHalf } from '../../../src/engine/weights/half.ts'

/** The value of a half-precision number by the standard's own formula. */
function valueOf(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

test('toHalf converts the values of all 65,536 halves back', () => {
  for (let bits = 0; bits < 65_536; bits++) {
    const value = valueOf(bits)
    if (Number.isNaN(value)) expect(valueOf(toHalf(value))).toBeNaN()
    else if (toHalf(value) !== bits) expect.fail(`${value} became ${toHalf(value)}, not ${bits}`)
  }
})

test('toHalf rounds to the nearest, ties to even', () => {
  for (const low of [0, 1, 2, 1022, 1023, 1024, 1025, 15_360, 15_361, 31_742]) {
    const [a, b] = [valueOf(low), valueOf(low + 1)]
    expect(toHalf(a + (b - a) * 0.25)).toBe(low)
    expect(toHalf(a + (b - a) * 0.75)).toBe(low + 1)
    expect(toHalf((a + b) / 2)).toBe(low % 2 === 0 ? low : low + 1)
  }
  expect(toHalf(65_519)).toBe(0x7bff)
  expect(toHalf(65_520)).toBe(0x7c00)
  expect(toHalf(1e30)).toBe(0x7c00)
  expect(toHalf(-1e-30)).toBe(0x8000)
})
