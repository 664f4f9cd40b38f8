import { expect, test } from 'vitest'
import { adviseOnThreshold } from '../../../src/pipeline/advice/score-below-threshold.ts'
import { makeFacts } from './make-facts.ts'

const drops = { threshold: [{ reason: 'score below 3.5', count: 31 }] }
const scores = Array.from({ length: 40 }, (_, i) => 2 + i / 20)

test('proposes the minimum that keeps about half of what was judged', () => {
  const advice = adviseOnThreshold(makeFacts({ drops, scores }))
  expect(advice?.sentence).toBe(
    '31 of 40 completions scored below 3.5; half of them score 3.00 or less. A minimum of 3 would keep 20 of 40. Read some rows near it first.',
  )
  expect(advice?.remedy?.change).toEqual({ kind: 'set', step: 7, field: 'min', value: 3 })
})

test('says nothing if another step drops more, or if few are dropped', () => {
  const length = [{ reason: 'fewer than 5 words', count: 35 }]
  expect(adviseOnThreshold(makeFacts({ drops: { ...drops, length }, scores }))).toBeUndefined()
  expect(
    adviseOnThreshold(makeFacts({ drops: { threshold: [{ reason: 'score below 3.5', count: 2 }] }, scores })),
  ).toBeUndefined()
})
