import { expect, test } from 'vitest'
import { adviseOnUnreadable } from '../../../src/pipeline/advice/unreadable-responses.ts'

const bar = (count: number, reached = 20, reason = 'unreadable response: the response has no number') => ({
  step: 3,
  name: 'template',
  title: 'Tag by a template',
  of: 'completion' as const,
  reached,
  passed: reached,
  reasons: [{ reason, count }],
})

test('names the step with its count and its most frequent reason', () => {
  expect(adviseOnUnreadable({ funnel: [bar(3, 15), bar(8)] })?.sentence).toMatch(
    /^“Tag by a template” could not read the model for 8 of 20 completions \(most often: .* has no number\)/,
  )
  expect(adviseOnUnreadable({ funnel: [bar(4, 20, 'unreadable comparison')] })).toBeDefined()
})

test('is silent about a few, and about drops', () => {
  expect(adviseOnUnreadable({ funnel: [bar(2, 4), bar(3, 40)] })).toBeUndefined()
  expect(adviseOnUnreadable({ funnel: [bar(20, 20, 'fewer than 4 words')] })).toBeUndefined()
})
