import { expect, test } from 'vitest'
import { GIVES_ALL } from '../../stand-ins/teacher.ts'
import { adviseOnTeacher, checkAgainstTeacher } from '../../../src/pipeline/recipes/check-teacher.ts'
import { defaultRecipe } from '../../../src/pipeline/recipes/default-recipe.ts'
import { checked, description } from '../samples.ts'

const recipe = checked(defaultRecipe())
const told = (changed: Parameters<typeof description>[0], of = recipe): [number | undefined, string][] =>
  checkAgainstTeacher(of, description(changed)).map(({ step, sentence }) => [step, sentence])

test('a teacher that gives all that is asked has no problems', () => {
  expect(told({})).toEqual([])
})

test('what the teacher cannot give is told at the step that needs it, before anything is written', () => {
  expect(told({ gives: { ...GIVES_ALL, rawPrompts: false } })).toEqual([
    [0, expect.stringContaining('continues raw text')],
  ])
  expect(told({ gives: { ...GIVES_ALL, scores: false } })).toEqual([
    [6, expect.stringContaining('token probabilities')],
  ])
  expect(told({ gives: { ...GIVES_ALL, chat: false } }).map(([step]) => step)).toEqual([1, 6])
})

test('a student that is to learn from probabilities needs a teacher that tells them', () => {
  const texts = 'retort: 1\nsteps:\n  - complete: teacher\n  - freeze: split\n  - train: teacher-text\n'
  expect(told({ gives: { ...GIVES_ALL, traces: false } }, checked(texts))).toEqual([])
  for (const loss of ['forward-kl', 'on-policy']) {
    expect(
      told({ gives: { ...GIVES_ALL, traces: false } }, checked(texts.replace('teacher-text', loss))),
    ).toEqual([[2, expect.stringContaining('learn from probabilities')]])
    expect(told({}, checked(texts.replace('teacher-text', loss)))).toEqual([])
  }
})

test('a setting of the draw that a teacher does not take is told where it would change something', () => {
  const settled = (penalty: number) =>
    checked(`retort: 1\nsteps:\n  - complete: teacher\n    repetitionPenalty: ${penalty}\n    topP: 0.9\n`)
  const gives = { ...GIVES_ALL, sampling: ['topP'] as const }
  expect(told({ gives }, settled(1.1))).toEqual([
    [0, expect.stringContaining('`repetitionPenalty`. Set it to 1')],
  ])
  expect(told({ gives }, settled(1))).toEqual([])
})

test('settings that leave no room in the context are told', () => {
  expect(told({ contextLength: 160 }).map(([step]) => step)).toEqual([0, 1, 6])
})

test('seeds that are asked as they are need no raw text', () => {
  const seedsOnly = checked(
    'retort: 1\nsteps:\n  - grow: self-instruct\n    prompts: 0\n  - complete: teacher\n',
  )
  expect(told({ gives: { ...GIVES_ALL, rawPrompts: false, scores: false } }, seedsOnly)).toEqual([])
})

test('a small judge is said to be one, and a recipe without a judge is not troubled with it', () => {
  expect(adviseOnTeacher(recipe, description())[0]).toContain('135 million parameters')
  expect(adviseOnTeacher(recipe, description({ card: { ...description().card, parameters: 8e9 } }))).toEqual(
    [],
  )
  expect(adviseOnTeacher(checked('retort: 1\nsteps:\n  - complete: teacher\n'), description())).toEqual([])
})
