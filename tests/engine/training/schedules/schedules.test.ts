import { describe, expect, test } from 'vitest'
import {
  learningRateAt,
  SCHEDULES,
  type ScheduleName,
} from '../../../../src/engine/training/schedules/index.ts'
import oracle from '../../../oracles/schedules.json'

const NAMES = Object.keys(SCHEDULES) as ScheduleName[]
const base = { steps: 100, learningRate: 1, warmUp: 0.1 }

describe.each(NAMES)('%s', (schedule) => {
  test('matches transformers after warm-up', () => {
    const { steps, rise: warmUpSteps } = oracle
    const ours = oracle[schedule].map((_, i) =>
      learningRateAt(warmUpSteps + 1 + i, { steps, learningRate: 1, warmUp: warmUpSteps / steps, schedule }),
    )
    ours.forEach((rate, i) =>
      expect(rate, `step ${warmUpSteps + 1 + i}`).toBeCloseTo(oracle[schedule][i] ?? Number.NaN, 6),
    )
    expect(ours).toHaveLength(steps - warmUpSteps)
  })

  test('warms up linearly and never rises again', () => {
    const rates = Array.from({ length: 100 }, (_, i) => learningRateAt(i + 1, { ...base, schedule }))
    expect(rates[0]).toBeCloseTo(0.1, 12)
    expect([rates[9], rates[10]]).toEqual([1, 1])
    for (let i = 11; i < 100; i++) expect(rates[i]).toBeLessThanOrEqual(rates[i - 1] ?? 0)
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(0)
  })

  test('has a rate for one step and without warm-up', () => {
    expect(learningRateAt(1, { ...base, steps: 1, schedule })).toBe(1)
    expect(learningRateAt(1, { ...base, warmUp: 0, schedule })).toBe(1)
  })
})
