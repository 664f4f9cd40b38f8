// Knows: which answer counts as right for GRPO.
import { describe, expect, it } from 'vitest'
import { describeAnswers, findAnswer } from '../../../src/pipeline/training/known-answers.ts'

const prompt = 'Seven pens at 2 each. What is the total?'

describe('findAnswer', () => {
  it('takes the answer given with the seed, even if the row’s own completion says something else', () => {
    expect(
      findAnswer({ prompt, completion: 'Answer: 15' }, new Map([[prompt, '7 × 2 = 14\n#### 14']])),
    ).toEqual({ reference: '7 × 2 = 14\n#### 14', isKnown: true })
  })
  it('takes the row’s own completion if the seed has no answer, or none that can be checked', () => {
    expect(findAnswer({ prompt, completion: 'Answer: 14' }, new Map())).toEqual({
      reference: 'Answer: 14',
      isKnown: false,
    })
    expect(
      findAnswer({ prompt, completion: 'Answer: 14' }, new Map([[prompt, 'it depends on you']])),
    ).toEqual({
      reference: 'Answer: 14',
      isKnown: false,
    })
  })
  it('finds none in a text that ends without an answer', () => {
    expect(findAnswer({ prompt, completion: 'I am not sure about that one.' }, new Map())).toBeUndefined()
  })
  it('is a problem with a known answer even if the completion has none', () => {
    expect(findAnswer({ prompt, completion: 'no idea' }, new Map([[prompt, '14']]))?.isKnown).toBe(true)
  })
})

it('says what problems are checked against', () => {
  expect(describeAnswers(40, 40)).toMatch(/^All 40 problems/)
  expect(describeAnswers(40, 0)).toMatch(/teacher’s own answers, which may be wrong/)
  expect(describeAnswers(40, 24)).toMatch(/^24 of 40 problems/)
})
