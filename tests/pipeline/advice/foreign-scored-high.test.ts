import { expect, test } from 'vitest'
import { adviseOnForeign } from '../../../src/pipeline/advice/foreign-scored-high.ts'
import { makeFacts, TEACHER } from './make-facts.ts'

const advise = (foreignAsHigh: number, pairs = 8) =>
  adviseOnForeign(
    makeFacts({ judge: TEACHER, probe: { pairs, foreignAsHigh, meanOwn: 3.5, meanForeign: 3.4 } }),
  )

test('says how many completions of another prompt scored as high as the right ones', () => {
  expect(advise(5)?.sentence).toMatch(
    /^In 5 of 8 tests, Little teacher gave a completion of another prompt as high a score as the prompt’s own \(mean scores 3\.40 and 3\.50\)/,
  )
})

test('says nothing about a judge that distinguishes them, without a probe, or with too few pairs', () => {
  expect(advise(2)).toBeUndefined()
  expect(advise(3, 3)).toBeUndefined()
  expect(adviseOnForeign(makeFacts({ judge: TEACHER }))).toBeUndefined()
})
