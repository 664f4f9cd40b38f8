// Final answers as people and models write them.
import { describe, expect, test } from 'vitest'
import { readFinalAnswer, verifyFinalAnswer } from '../../../src/pipeline/verifiers/final-answer.ts'

describe('readFinalAnswer and verifyFinalAnswer', () => {
  test.each([
    ['3 x $0.55 = $1.65\nAnswer: $1.65', '1.65'],
    ['Answer: 4\nNo, I was wrong.\nAnswer: 5', '5'],
    ['Answer: $1,204.50', '1204.5'],
    ['Answer: -3.0', '-3'],
    ['Answer: −7', '-7'],
    ['Answer: 007 apples', '7'],
    ['Answer: **18**', '18'],
    ['Answer: 0.0', '0'],
    ['Answer: -0', '0'],
    ['$12.50', '12.5'],
    ['42', '42'],
    ['Answer: €3', '3'],
    ['Answer: nothing', undefined],
    ['Answer:\n12', undefined],
    ['There are 12 apples.', undefined],
    ['', undefined],
    [`Answer: ${'9'.repeat(60)}`, undefined],
  ])('reads the answer of %j as %j', (text, wanted) => expect(readFinalAnswer(text)).toBe(wanted))

  test('compares answers exactly', () => {
    expect(verifyFinalAnswer('Answer: $2.10', '2.1')).toBe(true)
    expect(verifyFinalAnswer('Answer: 0.30000000000000004', '0.3')).toBe(false)
    expect(verifyFinalAnswer('I do not know.', '$2.10')).toBe(false)
  })

  test('verifies nothing if the reference answer is not a number', () =>
    expect(verifyFinalAnswer('Answer: 3', 'a red one')).toBeUndefined())
})
