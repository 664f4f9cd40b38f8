import fc from 'fast-check'
import { expect, test } from 'vitest'
import { measureRepetition, repetition } from '../../../src/pipeline/filters/repetition.ts'

const decide = (completion: string) =>
  repetition.decide({ prompt: '', completion, ending: 'end', settings: { n: 3, max: 0.2 } })

test('text that goes round in circles is dropped with the phrase it repeats', () => {
  const answer = decide('the moon is far away the moon is far away the moon is far away')
  expect(answer).toMatchObject({ kind: 'dropped', evidence: { phrase: 'the moon is', times: 3 } })
  expect(answer.kind === 'dropped' && answer.reason).toMatch(
    /^\d+ % of its phrases are repeated, more than 20 %$/,
  )
})

test('ordinary text and text shorter than a phrase stay', () => {
  expect(decide('Please bring the receipt with you and we will change the shoes at once.').kind).toBe('kept')
  expect(decide('no no').kind).toBe('kept')
  expect(decide('').kind).toBe('kept')
})

test('the share is repeated phrases over all phrases', () => {
  expect(measureRepetition('a b a b a b', 2).share).toBeCloseTo(1 - 2 / 5, 12)
  expect(measureRepetition('a b c d', 2).share).toBe(0)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, n) => {
      const { share } = measureRepetition(text, n)
      expect(share >= 0 && share < 1).toBe(true)
    }),
  )
})
