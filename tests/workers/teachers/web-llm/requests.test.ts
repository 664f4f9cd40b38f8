import { describe, expect, test } from 'vitest'
import { EMPTY_REASONING, readPartial, readResponse } from '../../../../workers/teachers/web-llm/requests.ts'

describe('readResponse', () => {
  test.each([
    ['Yes.', { text: 'Yes.' }],
    [`${EMPTY_REASONING}Yes.`, { text: 'Yes.' }],
    ['<think>\nhm\n</think>\n\nYes.', { text: 'Yes.', reasoning: 'hm' }],
    ['<think>\nhm', { text: '', reasoning: 'hm', unfinishedReasoning: true }],
    ['Use <think> tags.', { text: 'Use <think> tags.' }],
  ])('reads %j', (whole, result) => expect(readResponse(whole, [])).toEqual(result))

  test('cuts the response at the first stop text, and not for one in the reasoning', () => {
    expect(readResponse('<think>a; b</think>c; d. e', ['.', ';'])).toEqual({ text: 'c', reasoning: 'a; b' })
  })
})

test('readPartial shows nothing of what may be reasoning', () => {
  const whole = `${EMPTY_REASONING}Yes.`
  const seen = Array.from(whole, (_, i) => readPartial(whole.slice(0, i + 1), []))
  expect(new Set(seen)).toEqual(new Set(['', 'Y', 'Ye', 'Yes', 'Yes.']))
})
