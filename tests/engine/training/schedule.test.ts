import { expect, test } from 'vitest'
import { learningRateAt } from '../../../src/engine/training/schedule.ts'

const schedule = { steps: 100, learningRate: 1, warmUp: 0.1 }

test('the rate rises to its height in the warm-up and falls to a tenth at the last step', () => {
  const rates = Array.from({ length: 100 }, (_, i) => learningRateAt(i + 1, schedule))
  expect(rates[0]).toBeCloseTo(0.1, 12)
  expect(rates[9]).toBe(1)
  expect(rates[10]).toBe(1)
  expect(rates[99]).toBeCloseTo(0.1, 12)
  for (let i = 11; i < 100; i++) expect(rates[i]).toBeLessThanOrEqual(rates[i - 1] ?? 0)
})

test('a run of one step, and one without warm-up, have a rate', () => {
  expect(learningRateAt(1, { ...schedule, steps: 1 })).toBe(1)
  expect(learningRateAt(1, { ...schedule, warmUp: 0 })).toBe(1)
})
