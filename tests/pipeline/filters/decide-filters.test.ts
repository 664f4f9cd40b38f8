import { expect, test } from 'vitest'
import { FilterBank, findDrop } from '../../../src/pipeline/filters/decide-filters.ts'
import { shortenReason } from '../../../src/pipeline/funnel.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { checked } from '../samples.ts'

const steps = readSteps(
  checked(
    'retort: 2\nsteps:\n  - complete: teacher\n  - filter: length\n    min: 3\n  - filter: novelty\n  - filter: repetition\n    n: 2\n',
  ),
)
const row = (completion: string) => ({ prompt: 'Prompt', completion, finishReason: 'end' as const })

test('runs the filters in the recipe’s order up to the first drop', () => {
  const bank = new FilterBank(steps.filters)
  expect(bank.decide(row('one two')).map(({ step, name, decision }) => [step, name, decision.kind])).toEqual([
    [1, 'length', 'dropped'],
  ])
  expect(bank.decide(row('one two three')).map(({ step, decision }) => [step, decision.kind])).toEqual([
    [1, 'kept'],
    [2, 'kept'],
    [3, 'kept'],
  ])
})

test('compares only with rows that passed every filter', () => {
  const bank = new FilterBank(steps.filters)
  const circle = 'go round go round go round go round'
  expect(findDrop(bank.decide(row(circle)))?.name).toBe('repetition')
  expect(findDrop(bank.decide(row(circle)))?.name).toBe('repetition') // not novelty: the first one was not kept
  expect(findDrop(bank.decide(row('one two three four')))).toBeUndefined()
  expect(findDrop(bank.decide(row('one two three four')))?.name).toBe('novelty')
})

test('resumes with remembered rows as if it had decided them', () => {
  const resumed = new FilterBank(steps.filters)
  resumed.remember(row('one two three four'))
  expect(findDrop(resumed.decide(row('one two three four')))?.name).toBe('novelty')
  expect(resumed.comparesRows).toBe(true)
})

test('gives equal drops one funnel reason, whatever was measured', () => {
  const bank = new FilterBank(steps.filters)
  const texts = [
    'one two three four five six seven',
    'one two three four five six eight',
    'one two three four five nine ten',
    'go go go go go go go',
    'up up up up up up up up up',
    'a',
    'b c',
  ]
  const reasons = texts.flatMap((text) =>
    bank
      .decide(row(text))
      .filter(({ decision }) => decision.kind === 'dropped')
      .map(shortenReason),
  )
  expect(new Set(reasons)).toEqual(
    new Set([
      'too similar to an earlier completion: ROUGE-L above 0.7',
      'more than 20 % of its phrases are repeated',
      'fewer than 3 words',
    ]),
  )
  expect(reasons).toHaveLength(6)
})
