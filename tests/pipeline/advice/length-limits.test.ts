import { expect, test } from 'vitest'
import { adviseOnLength } from '../../../src/pipeline/advice/length-limits.ts'
import { makeFacts } from './make-facts.ts'

test('raises the upper limit so that nine in ten of the dropped fit', () => {
  const words = Array.from({ length: 20 }, (_, i) => 101 + i)
  const advice = adviseOnLength(
    makeFacts({
      drops: { length: [{ reason: 'more than 100 words', count: 20 }] },
      measured: new Map([[2, { words }]]),
    }),
  )
  expect(advice?.sentence).toMatch(/^20 of 40 completions have more than 100 words\./)
  expect(advice?.remedy?.change).toEqual({ kind: 'set', step: 2, field: 'max', value: 119 })
})

test('lowers the lower limit if most are too short', () => {
  const words = [1, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 150]
  const advice = adviseOnLength(
    makeFacts({
      drops: { length: [{ reason: 'fewer than 5 words', count: 14 }] },
      measured: new Map([[2, { words }]]),
    }),
  )
  expect(advice?.remedy?.change).toEqual({ kind: 'set', step: 2, field: 'min', value: 2 })
})
