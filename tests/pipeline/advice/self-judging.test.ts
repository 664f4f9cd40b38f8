import { expect, test } from 'vitest'
import { adviseOnSelfJudging } from '../../../src/pipeline/advice/self-judging.ts'
import { makeFacts, TEACHER } from './make-facts.ts'

const scores = Array.from({ length: 12 }, () => 4)

test('says that a teacher judged its own completions', () => {
  expect(adviseOnSelfJudging(makeFacts({ scores, judge: TEACHER }))?.sentence).toMatch(
    /^Little teacher judged 12 completions of its own \(mean score 4\.00\)/,
  )
})

test('says nothing of another judge, or without one', () => {
  const judge = { ...TEACHER, fingerprint: 'another' }
  expect(adviseOnSelfJudging(makeFacts({ scores, judge }))).toBeUndefined()
  expect(adviseOnSelfJudging(makeFacts({ scores }))).toBeUndefined()
})
