import { expect, test } from 'vitest'
import type { CheckedRecipe } from '../../../src/domain/recipe.ts'
import { needsOfRole, rolesOf } from '../../../src/pipeline/recipes/roles-of.ts'
import { checked } from '../samples.ts'

const texts = 'retort: 2\nsteps:\n  - complete: teacher\n'
const judged = `${texts}  - judge: rubric\n`
/** Steps in any order: only what they declare counts. */
const turned = ({ steps }: CheckedRecipe) => ({ steps: steps.toReversed() })

test('lists the roles that a recipe’s steps need, known ones first', () => {
  expect(rolesOf(checked(texts))).toEqual(['teacher'])
  expect(rolesOf(checked(judged))).toEqual(['teacher', 'judge'])
  expect(rolesOf(turned(checked(judged)))).toEqual(['teacher', 'judge'])
  expect(rolesOf({ steps: [] })).toEqual([])
})

test('lists what a role’s model is needed for, each ability with its steps', () => {
  const recipe = checked(
    'retort: 2\nsteps:\n  - grow: evol-instruct\n  - complete: teacher\n  - judge: rubric\n',
  )
  expect(needsOfRole(recipe, 'teacher')).toEqual([
    { ability: 'chat', steps: [0, 1] },
    { ability: 'scores', steps: [0] },
  ])
  expect(needsOfRole(recipe, 'judge')).toEqual([
    { ability: 'scores', steps: [2] },
    { ability: 'chat', steps: [2] },
  ])
  expect(needsOfRole(recipe, 'embedder')).toEqual([])
})
