// Rejection sampling by the final answer.
import { expect, test } from 'vitest'
import { FilterBank } from '../../../src/pipeline/filters/decide-filters.ts'
import { answersOf, answerTo } from '../../../src/pipeline/filters/known-answers.ts'
import { finalAnswer } from '../../../src/pipeline/filters/final-answer.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { checked } from '../samples.ts'

const decide = (completion: string, answer?: string, unknown: 'drop' | 'keep' = 'drop') =>
  finalAnswer.decide({
    prompt: 'p',
    completion,
    ending: 'end',
    ...(answer === undefined ? {} : { answer }),
    settings: { unknown },
  })

test('keeps what ends at the known answer, and nothing that does not', () => {
  expect(decide('2 x $3 = $6\nAnswer: $6.00', '$6')).toEqual({
    kind: 'kept',
    evidence: { wanted: '$6', said: '6' },
  })
  expect(decide('Answer: $6.01', '$6')).toMatchObject({
    kind: 'dropped',
    reason: 'the final answer is wrong',
    evidence: { wanted: '$6', said: '6.01' },
  })
  expect(decide('It is six.', '$6')).toMatchObject({
    kind: 'dropped',
    reason: 'no final answer behind “Answer:”',
  })
})

test('what cannot be verified is dropped, or kept where the recipe says so', () => {
  expect(decide('Answer: 6')).toMatchObject({ kind: 'dropped', reason: 'no answer is known to compare with' })
  expect(decide('Answer: 6', 'six')).toMatchObject({
    kind: 'dropped',
    reason: 'the known answer is no number',
  })
  expect(decide('Answer: 6', undefined, 'keep').kind).toBe('kept')
})

test('in a recipe it compares with the answer that the seed brought, by the prompt’s text', () => {
  const recipe = checked(
    'retort: 1\nname: x\nrngSeed: 1\nsteps:\n  - complete: teacher\n    n: 2\n  - filter: final-answer\n',
  )
  const bank = new FilterBank(readSteps(recipe).filters)
  const answers = answersOf([{ text: 'What is 2 + 2?', answer: '4' }, { text: 'Why?' }])
  const said = ['What is 2 + 2?', 'Why?', 'What is 2 + 3?'].map(
    (prompt) =>
      bank.decide({ prompt, completion: 'Answer: 4', ending: 'end', ...answerTo(prompt, answers) })[0]?.answer
        .kind,
  )
  expect(said).toEqual(['kept', 'dropped', 'dropped'])
})
