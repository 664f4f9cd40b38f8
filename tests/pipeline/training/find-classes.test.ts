// The classes of a dataset: found in any order of the rows, and refused with a sentence that names the problem.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  findClasses,
  MAX_CLASS_LENGTH,
  MAX_CLASSES,
  describeClasses,
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

test('finds the distinct trimmed completions by name', () => {
  const found = findClasses(rowsOf('yes', 'no ', '\nyes', 'no', 'No', 'No', 'yes'))
  expect(found).toEqual({
    ok: true,
    value: [
      { name: 'No', rows: 2 },
      { name: 'no', rows: 2 },
      { name: 'yes', rows: 3 },
    ],
  })
  if (found.ok) expect(describeClasses(found.value)).toBe('3 classes: No (2 rows), no (2 rows), yes (3 rows)')
})

test('finds the same classes in any order of the rows', () => {
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

test('refuses classes that cannot be learned, and names them and the remedy', () => {
  expect(refusalOf()).toContain('There is no training row')
  expect(refusalOf('yes', 'yes')).toContain(
    'All 2 training rows have the completion “yes”, so there is nothing to classify',
  )
  expect(refusalOf('yes', 'yes', 'no', 'no', 'perhaps')).toContain(
    '“perhaps” is the completion of only one training row',
  )
  expect(refusalOf('yes', 'yes', 'no', 'perhaps')).toContain(
    '“no” and “perhaps” are each the completion of only one training row',
  )
  expect(refusalOf('yes', ' ', 'no')).toContain('1 of 3 training rows has an empty completion')
  expect(refusalOf('a'.repeat(MAX_CLASS_LENGTH + 1), 'b', 'b')).toContain(
    '1 of the 2 distinct completions is longer',
  )
  const many = Array.from({ length: MAX_CLASSES + 1 }, (_, i) => `class ${i}`)
  expect(refusalOf(...many, ...many)).toContain(`have ${MAX_CLASSES + 1} distinct completions`)
  expect(findClasses(rowsOf(...many.slice(1), ...many.slice(1))).ok).toBe(true)
})

test('reads the recipe’s step with its defaults, without packing', () => {
  const draft = readRecipe({
    retort: 2,
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
