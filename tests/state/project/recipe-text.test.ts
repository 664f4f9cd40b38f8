// Knows: a recipe before what reads its text is loaded, as on a project's first screen, and after.
import { expect, test } from 'vitest'
import { freshId } from '../../../src/domain/id.ts'
import type { Environment } from '../../../src/state/app/environment.ts'
import { findRecipeText, loadRecipeText } from '../../../src/state/project/recipe-text.svelte.ts'
import { Recipe } from '../../../src/state/project/recipe.svelte.ts'

test('a recipe counts as one without problems until its text can be read, and keeps its text', async () => {
  const text = 'retort: 2\nname: Mine\nsteps:\n  - filter: lenght\n'
  // Nothing of the environment is used before a recipe is stored or tried.
  const env = {} as Environment
  const [stored, fresh] = [
    new Recipe(env, freshId('project'), text),
    new Recipe(env, freshId('project'), undefined),
  ]
  expect(findRecipeText()).toBeUndefined()
  expect(stored).toMatchObject({ text, problems: [], checked: undefined, changed: false, unreadable: false })
  expect(fresh).toMatchObject({ problems: [], checked: undefined, changed: true })
  expect(() => stored.rename('Yours')).toThrow(TypeError)
  await loadRecipeText()
  expect(stored.draft.name).toBe('Mine')
  expect(stored.problems.length).toBeGreaterThan(0)
  expect(fresh.text).toMatch(/^retort: 2\n/)
  expect(fresh.checked).toBeDefined()
  expect(fresh).toMatchObject({ problems: [], changed: true })
})
