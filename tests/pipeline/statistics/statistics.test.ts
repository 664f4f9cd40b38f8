import { expect, test } from 'vitest'
import { makeRng } from '../../../src/domain/rng.ts'
import { bootstrapMean } from '../../../src/pipeline/statistics/bootstrap.ts'
import { countWins } from '../../../src/pipeline/statistics/wins.ts'

test('matches the binomial interval of a coin', () => {
  // 100 tosses with 50 heads: the resampled mean is Binomial(100, ½) / 100, whose 2.5 % and 97.5 % quantiles are 0.40 and 0.60.
  const tosses = Array.from({ length: 100 }, (_, i) => i % 2)
  const { mean, low, high, n } = bootstrapMean(tosses, makeRng('coin'), 20_000)
  expect([mean, n]).toEqual([0.5, 100])
  expect(Math.abs(low - 0.4)).toBeLessThanOrEqual(0.01)
  expect(Math.abs(high - 0.6)).toBeLessThanOrEqual(0.01)
})

test('matches the exact count of all 27 resamples of three numbers', () => {
  // Means of resamples of (0, 0, 3): 0 with 8/27, 1 with 12/27, 2 with 6/27, 3 with 1/27 = 3.7 %, so the upper 2.5 % end is 3.
  expect(bootstrapMean([0, 0, 3], makeRng('three'), 20_000)).toEqual({ mean: 1, low: 0, high: 3, n: 3 })
})

test('returns the same interval for the same rngSeed', () => {
  const values = [1, 2, 2.5, 4, 4.5]
  expect(bootstrapMean(values, makeRng(1))).toEqual(bootstrapMean(values, makeRng(1)))
  expect(bootstrapMean(values, makeRng(1))).not.toEqual(bootstrapMean(values, makeRng(2)))
})

test('ignores values that are not finite, and returns NaN without values', () => {
  expect(bootstrapMean([2, Number.NaN, 2, Infinity], makeRng(1))).toEqual({ mean: 2, low: 2, high: 2, n: 2 })
  expect(bootstrapMean([], makeRng(1))).toEqual({ mean: Number.NaN, low: Number.NaN, high: Number.NaN, n: 0 })
})

test('counts ties as half a win, and unreadable verdicts for neither side', () => {
  const verdicts = [
    { outcome: 'first' },
    { outcome: 'first' },
    { outcome: 'second' },
    { outcome: 'tie' },
    { outcome: 'tie', unreadable: 'why' },
  ] as const
  expect(countWins(verdicts, makeRng(1))).toMatchObject({
    wins: 2,
    losses: 1,
    ties: 1,
    unreadable: 1,
    rate: { mean: 0.625, n: 4 },
  })
})

test('counts every outcome under its own name', () => {
  expect(countWins([{ outcome: 'second' }], makeRng(1))).toMatchObject({
    wins: 0,
    losses: 1,
    ties: 0,
    rate: { mean: 0 },
  })
  expect(countWins([{ outcome: 'first' }], makeRng(1))).toMatchObject({
    wins: 1,
    losses: 0,
    ties: 0,
    rate: { mean: 1 },
  })
})
