import { expect, test } from 'vitest'
import { adviseOnFlatScores } from '../../../src/pipeline/advice/flat-scores.ts'
import { makeFacts, TEACHER } from './make-facts.ts'

test('says that scores which hardly vary select by chance', () => {
  const scores = Array.from({ length: 40 }, (_, i) => 3 + (i % 5) / 100)
  expect(adviseOnFlatScores(makeFacts({ scores, judge: TEACHER }))?.sentence).toMatch(
    /^All 40 scores are between 3\.00 and 3\.04 \(standard deviation 0\.01\): Little teacher hardly distinguishes/,
  )
})

test('says nothing about scores that vary, or too few of them', () => {
  const judge = TEACHER
  expect(
    adviseOnFlatScores(makeFacts({ scores: Array.from({ length: 40 }, (_, i) => 1 + (i % 5)), judge })),
  ).toBeUndefined()
  expect(adviseOnFlatScores(makeFacts({ scores: [3, 3, 3], judge }))).toBeUndefined()
})

test('reads more scores than a call takes arguments', () => {
  const scores = Array.from({ length: 300_000 }, (_, i) => 3 + (i % 5) / 100)
  expect(adviseOnFlatScores(makeFacts({ scores, judge: TEACHER }))?.sentence).toMatch(
    /^All 300000 scores are between 3\.00 and 3\.04 /,
  )
})
