import { describe, expect, test } from 'vitest'
import type { ModelRef } from '../../../src/domain/model-card.ts'
import { outcomeOfEmpty, verdictOnEmpty } from '../../../src/pipeline/judging/empty-text.ts'

const judge: ModelRef = { name: 'Judge', fingerprint: '0123456789abcdef', quantisation: 'Q4_1' }

describe('an empty completion', () => {
  test('gets the lowest score without a judge', () => {
    for (const text of ['', ' ', '\n\t\u00a0'])
      expect(verdictOnEmpty(text, { rubric: 'helpfulness@1', judge })).toEqual({
        kind: 'score',
        rubric: 'helpfulness@1',
        judge,
        score: 1,
        distribution: [1, 0, 0, 0, 0],
        mass: 1,
      })
    expect(verdictOnEmpty('.', { rubric: 'helpfulness@1', judge })).toBeUndefined()
  })
  test('loses to any text and ties with another empty one', () => {
    const outcome = (first: string, second: string) => outcomeOfEmpty({ first, second }, judge)?.outcome
    expect(outcome('', 'Yes.')).toBe('second')
    expect(outcome('Yes.', ' ')).toBe('first')
    expect(outcome('\n', '')).toBe('tie')
    expect(outcome('Yes.', 'No.')).toBeUndefined()
  })
  test('has probabilities that agree with the outcome in both orders', () => {
    expect(outcomeOfEmpty({ first: '', second: 'Yes.' }, judge)).toMatchObject({
      shownFirst: 0,
      shownSecond: 0,
    })
    expect(outcomeOfEmpty({ first: 'Yes.', second: '' }, judge)).toMatchObject({
      shownFirst: 1,
      shownSecond: 1,
    })
  })
})
