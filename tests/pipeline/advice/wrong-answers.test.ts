import { expect, test } from 'vitest'
import { adviseOnWrong } from '../../../src/pipeline/advice/wrong-answers.ts'
import { makeFacts } from './make-facts.ts'

test('samples more completions if some are right', () => {
  const advice = adviseOnWrong(
    makeFacts({ drops: { 'final-answer': [{ reason: 'the final answer is wrong', count: 30 }] } }),
  )
  expect(advice?.sentence).toMatch(
    /^30 of 40 final answers are wrong or missing\. With 4 completions per prompt/,
  )
  expect(advice?.remedy?.change).toEqual({ kind: 'set', step: 1, field: 'n', value: 4 })
})

test('suggests another teacher if none is right', () => {
  const advice = adviseOnWrong(
    makeFacts({ drops: { 'final-answer': [{ reason: 'no final answer', count: 40 }] } }),
  )
  expect(advice?.remedy?.change).toEqual({ kind: 'open', screen: 'teacher' })
})
