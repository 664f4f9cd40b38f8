import fc from 'fast-check'
import { expect, test } from 'vitest'
import { measureRepetition, repetition } from '../../../src/pipeline/filters/repetition.ts'

const decide = (completion: string) =>
  repetition.decide({ prompt: '', completion, finishReason: 'end', settings: { n: 3, max: 0.2 } })

test('drops repetitive text with the phrase it repeats', () => {
  const decision = decide('the moon is far away the moon is far away the moon is far away')
  expect(decision).toMatchObject({ kind: 'dropped', evidence: { phrase: 'the moon is', times: 3 } })
  expect(decision.kind === 'dropped' && decision.reason).toMatch(
    /^\d+ % of its phrases are repeated, more than 20 %$/,
  )
})

test('keeps ordinary text and text shorter than a phrase', () => {
  expect(decide('Please bring the receipt with you and we will change the shoes at once.').kind).toBe('kept')
  expect(decide('no no').kind).toBe('kept')
  expect(decide('').kind).toBe('kept')
})

test('measures repeated phrases over all phrases', () => {
  expect(measureRepetition('a b a b a b', 2).share).toBeCloseTo(1 - 2 / 5, 12)
  expect(measureRepetition('a b c d', 2).share).toBe(0)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, n) => {
      const { share } = measureRepetition(text, n)
      expect(share >= 0 && share < 1).toBe(true)
    }),
  )
})
