// The classes of a dataset: found whatever the order, and refused with a sentence that names the trouble.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  findClasses,
  LONGEST_CLASS,
  MOST_CLASSES,
  tellClasses,
} from '../../../src/pipeline/training/find-classes.ts'
import { trainSettingsOf } from '../../../src/pipeline/training/index.ts'
import { checkRecipe } from '../../../src/pipeline/recipes/check-recipe.ts'
import { readRecipe } from '../../../src/pipeline/recipes/parse-recipe.ts'

const rowsOf = (...completions: string[]): { completion: string }[] =>
  completions.map((completion) => ({ completion }))
const refusalOf = (...completions: string[]): string => {
  const found = findClasses(rowsOf(...completions))
  return found.ok ? '' : (found.problems[0]?.sentence ?? '')
}

test('are the different completions, trimmed, by name', () => {
  const found = findClasses(rowsOf('yes', 'no ', '\nyes', 'no', 'No', 'No', 'yes'))
  expect(found).toEqual({
    ok: true,
    value: [
      { name: 'No', rows: 2 },
      { name: 'no', rows: 2 },
      { name: 'yes', rows: 3 },
    ],
  })
  if (found.ok) expect(tellClasses(found.value)).toBe('3 classes: No (2 rows), no (2 rows), yes (3 rows)')
})

test('do not depend on the rows’ order', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(['a', 'a', 'b', 'b', 'c', 'c', 'c'], { minLength: 7 }),
      (some) =>
        void expect(findClasses(rowsOf(...some))).toEqual(
          findClasses(rowsOf('a', 'a', 'b', 'b', 'c', 'c', 'c')),
        ),
    ),
  )
})

test('are refused where they cannot be learned, and the sentence says which and what to do', () => {
  expect(refusalOf()).toContain('There is no training row')
  expect(refusalOf('yes', 'yes')).toContain(
    'All 2 training rows are answered with “yes”, so there is nothing to tell apart',
  )
  expect(refusalOf('yes', 'yes', 'no', 'no', 'perhaps')).toContain(
    '“perhaps” is the completion of only one training row',
  )
  expect(refusalOf('yes', 'yes', 'no', 'perhaps')).toContain(
    '“no” and “perhaps” are each the completion of only one training row',
  )
  expect(refusalOf('yes', ' ', 'no')).toContain('1 of 3 training rows has an empty completion')
  expect(refusalOf('a'.repeat(LONGEST_CLASS + 1), 'b', 'b')).toContain(
    '1 of the 2 different completions is longer',
  )
  const many = Array.from({ length: MOST_CLASSES + 1 }, (_, i) => `class ${i}`)
  expect(refusalOf(...many, ...many)).toContain(`have ${MOST_CLASSES + 1} different completions`)
  expect(findClasses(rowsOf(...many.slice(1), ...many.slice(1))).ok).toBe(true)
})

test('the recipe’s step is read with its defaults, and packs nothing', () => {
  const draft = readRecipe({
    retort: 1,
    name: 'Labels',
    rngSeed: 3,
    steps: [
      { complete: 'teacher', n: 1 },
      { freeze: 'split', heldOut: 0.2 },
      { train: 'classes', softShare: 0.5 },
    ],
  })
  const checked = draft.ok ? checkRecipe(draft.value) : draft
  if (!checked.ok) throw new Error(checked.problems[0]?.sentence)
  const step = checked.value.steps.find(({ family }) => family === 'train')
  expect(step && trainSettingsOf(step, 3)).toMatchObject({
    loss: 'classes',
    softShare: 0.5,
    temperature: 1,
    labelSmoothing: 0,
    packing: false,
    rngSeed: 3,
  })
  expect(step && 'packing' in step.settings).toBe(false)
})
