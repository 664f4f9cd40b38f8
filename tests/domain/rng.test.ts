import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeRng, restoreRng, shuffle } from '../../src/domain/rng.ts'

/** xoshiro128** 1.1 as its authors wrote it, in BigInt: slow and obvious. */
function* reference([a, b, c, d]: readonly number[]): Generator<number> {
  const mask = 0xffffffffn
  const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask
  const s = [BigInt(a!), BigInt(b!), BigInt(c!), BigInt(d!)] as [bigint, bigint, bigint, bigint]
  for (;;) {
    yield Number((rotl((s[1] * 5n) & mask, 7n) * 9n) & mask)
    const t = (s[1] << 9n) & mask
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotl(s[3], 11n)
  }
}

test('draws the numbers of xoshiro128**', () => {
  const rng = makeRng('reference')
  const wanted = reference(rng.state())
  for (let i = 0; i < 1000; i++) expect(rng.next()).toBe((wanted.next().value as number) / 2 ** 32)
})

test('draws the same numbers for the same name, and forks without changing the parent', () => {
  const [one, two] = [makeRng('a'), makeRng('a')]
  const fork = one.fork('x')
  fork.next()
  expect([one.next(), one.next()]).toEqual([two.next(), two.next()])
  expect(makeRng('a').fork('x').next()).toBe(makeRng('a/x').next())
  expect(makeRng('a').fork('x').next()).not.toBe(makeRng('a').fork('y').next())
})

test('continues from a stored state', () => {
  const rng = makeRng(5)
  for (let i = 0; i < 7; i++) rng.next()
  const restored = restoreRng(5, rng.state())
  expect([restored.next(), restored.normal(), restored.below(9)]).toEqual([
    rng.next(),
    rng.normal(),
    rng.below(9),
  ])
})

test('draws uniform and normal numbers', () => {
  const rng = makeRng('moments')
  const n = 20_000
  const counts = Array.from({ length: 10 }, () => 0)
  for (let i = 0; i < n; i++) counts[rng.below(10)]! += 1
  const chiSquare = counts.reduce((sum, count) => sum + (count - n / 10) ** 2 / (n / 10), 0)
  expect(chiSquare).toBeLessThanOrEqual(27.9) // 9 degrees of freedom, 0.1 %
  const draws = Array.from({ length: n }, () => rng.normal())
  const mean = draws.reduce((a, b) => a + b, 0) / n
  expect(Math.abs(mean)).toBeLessThanOrEqual(0.03)
  expect(Math.abs(draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n - 1)).toBeLessThanOrEqual(0.05)
})

test('shuffles without losing an item, and the same way for the same name', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.string(), (items, name) => {
      const shuffled = shuffle(items, makeRng(name))
      expect(shuffled.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b))
      expect(shuffle(items, makeRng(name))).toEqual(shuffled)
    }),
  )
})
