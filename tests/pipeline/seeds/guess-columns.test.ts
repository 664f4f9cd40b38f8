import { expect, test } from 'vitest'
import { guessRoles } from '../../../src/pipeline/seeds/guess-columns.ts'

const roles = (names: readonly string[], rows: readonly (readonly string[])[]): string =>
  guessRoles(names, rows)
    .map(({ role }) => role)
    .join(' ')

test.each([
  ['id,question_text,answer_text', 'ignore prompt answer'],
  ['questionId,userQuestion,botAnswer,topic', 'ignore prompt answer field'],
  ['Frage,Antwort', 'prompt answer'],
  ['story_text,final_question,gold', 'context prompt answer'],
  ['created_at,customer_message,category', 'ignore prompt answer'],
  ['url,body,sentiment', 'ignore prompt answer'],
  ['source,target_text,input_text', 'ignore answer prompt'],
])('guesses the roles of %s by their words', (names, expected) => {
  const header = names.split(',')
  expect(roles(header, [header.map(() => 'some words here'), header.map(() => 'other words there')])).toBe(
    expected,
  )
})

test('guesses by contents where names say nothing', () => {
  const rows = [
    ['1', 'What is rain made of?', 'Water.'],
    ['2', 'What is snow made of?', 'Frozen water.'],
  ]
  expect(roles(['a', 'b', 'c'], rows)).toBe('ignore prompt answer')
  expect(
    roles(
      ['Column 1', 'Column 2'],
      [
        ['a fine film with a plot', '1'],
        ['a dull one', '0'],
        ['a good one', '1'],
      ],
    ),
  ).toBe('prompt answer')
})

test('chooses one prompt and at most one answer of any names', () => {
  for (const names of [
    ['x'],
    ['id'],
    ['answer'],
    ['answer', 'label'],
    ['prompt', 'question', 'query'],
    ['a', 'b', 'c', 'd'],
  ]) {
    const found = guessRoles(names, [names.map((name) => `text of ${name}`)])
    expect(found.filter(({ role }) => role === 'prompt')).toHaveLength(1)
    expect(found.filter(({ role }) => role === 'answer').length).toBeLessThanOrEqual(1)
  }
})
