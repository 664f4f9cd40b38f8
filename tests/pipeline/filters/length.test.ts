import { expect, test } from 'vitest'
import { length } from '../../../src/pipeline/filters/length.ts'

const decide = (completion: string, min = 4, max = 6) =>
  length.decide({ prompt: '', completion, finishReason: 'end', settings: { min, max } })

test('keeps both bounds of the range', () => {
  expect(decide('one two three four').kind).toBe('kept')
  expect(decide('one two three four five six').kind).toBe('kept')
})

test('drops with the number of words and the limit', () => {
  expect(decide('one two three')).toEqual({
    kind: 'dropped',
    reason: '3 words, fewer than 4',
    evidence: { words: 3 },
  })
  expect(decide('word')).toMatchObject({ reason: '1 word, fewer than 4' })
  expect(decide('one two three four five six seven')).toMatchObject({
    kind: 'dropped',
    reason: '7 words, more than 6',
  })
})
