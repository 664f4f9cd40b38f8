// Rejection sampling by the final answer.
import { expect, test } from 'vitest'
import { FilterBank } from '../../../src/pipeline/filters/decide-filters.ts'
import { referencesOf, referenceFor } from '../../../src/pipeline/filters/references.ts'
import { finalAnswer } from '../../../src/pipeline/filters/final-answer.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { checked } from '../samples.ts'

const decide = (completion: string, reference?: string, unknown: 'drop' | 'keep' = 'drop') =>
  finalAnswer.decide({
    prompt: 'p',
    completion,
    finishReason: 'end',
    ...(reference === undefined ? {} : { reference }),
    settings: { unknown },
  })

test('keeps completions with the reference answer and drops others', () => {
  expect(decide('2 x $3 = $6\nAnswer: $6.00', '$6')).toEqual({
    kind: 'kept',
    evidence: { reference: '$6', found: '6' },
  })
  expect(decide('Answer: $6.01', '$6')).toMatchObject({
    kind: 'dropped',
    reason: 'the final answer is wrong',
    evidence: { reference: '$6', found: '6.01' },
  })
  expect(decide('It is six.', '$6')).toMatchObject({
    kind: 'dropped',
    reason: 'no final answer',
  })
})

test('drops what cannot be verified, or keeps it if the recipe says so', () => {
  expect(decide('Answer: 6')).toMatchObject({ kind: 'dropped', reason: 'no reference answer' })
  expect(decide('Answer: 6', 'six')).toMatchObject({
    kind: 'dropped',
    reason: 'the reference answer is not a number',
  })
  expect(decide('Answer: 6', undefined, 'keep').kind).toBe('kept')
})

test('finds the seed’s reference answer by the prompt’s text', () => {
  const recipe = checked(
    'retort: 2\nname: x\nrngSeed: 1\nsteps:\n  - complete: teacher\n    n: 2\n  - filter: final-answer\n',
  )
  const bank = new FilterBank(readSteps(recipe).filters)
  const references = referencesOf([{ text: 'What is 2 + 2?', answer: '4' }, { text: 'Why?' }])
  const kinds = ['What is 2 + 2?', 'Why?', 'What is 2 + 3?'].map(
    (prompt) =>
      bank.decide({
        prompt,
        completion: 'Answer: 4',
        finishReason: 'end',
        ...referenceFor(prompt, references),
      })[0]?.decision.kind,
  )
  expect(kinds).toEqual(['kept', 'dropped', 'dropped'])
})
