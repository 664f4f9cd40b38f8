import { expect, test } from 'vitest'
import { ProblemGroups } from '../../../src/pipeline/seeds/group-problems.ts'

test('lists each reason once with its first lines, and counts all', () => {
  const groups = new ProblemGroups(2)
  groups.add([{ line: 3, sentence: 'The seed is empty.' }])
  groups.add([{ line: 4, sentence: 'Too long.' }])
  groups.add([{ line: 1200, sentence: 'The seed is empty.' }])
  expect(groups.list()).toEqual([
    { sentence: 'Lines 3 and 1,200: The seed is empty.' },
    { line: 4, sentence: 'Too long.' },
  ])
  for (let line = 5; line < 12; line++) groups.add([{ line, sentence: 'Too long.' }])
  groups.add([{ line: 20, sentence: 'Another reason.' }])
  expect(groups.list()[1]).toEqual({ sentence: 'Lines 4, 5, 6, 7, 8 and 3 more: Too long.' })
  expect([groups.count, groups.unlisted]).toEqual([11, 1])
})
