// Knows: that the form of a student never changes the recipe by itself.
import { describe, expect, it } from 'vitest'
import { makeProject } from '../../../src/domain/project.ts'
import { Recipe } from '../../../src/state/project/recipe.svelte.ts'
import { TrainingForm } from '../../../src/state/project/training-form.svelte.ts'
import { getProject, putProject } from '../../../src/storage/projects.ts'
import { makeEnvironment } from '../make-environment.ts'

async function makeForm() {
  const env = await makeEnvironment()
  const project = makeProject('Shop', 1)
  await putProject(env.machines.db, project)
  const recipe = new Recipe(env, project.id, undefined)
  await recipe.use()
  return {
    recipe,
    form: new TrainingForm(recipe),
    stored: async () => (await getProject(env.machines.db, project.id))?.recipeText,
  }
}

describe('the form of the student that is about to be trained', () => {
  it('begins as the recipe’s train step and follows it', async () => {
    const { recipe, form } = await makeForm()
    expect(form.settings).toMatchObject({ loss: 'teacher-text', steps: 300 })
    expect(form.differsFromRecipe).toBe(false)
    recipe.write(recipe.text.replace('steps: 300', 'steps: 40'))
    expect(form.settings).toMatchObject({ loss: 'teacher-text', steps: 40 })
  })

  it('leaves the recipe alone, however many kinds are looked at and settings changed', async () => {
    const { recipe, form, stored } = await makeForm()
    const before = recipe.text
    for (const { name } of form.members) form.choose(name)
    form.choose('grpo')
    form.set('steps', 10)
    expect(form.settings).toMatchObject({ loss: 'grpo', steps: 10 })
    expect(form.differsFromRecipe).toBe(true)
    expect(recipe.text).toBe(before)
    expect(recipe.changed).toBe(false)
    expect(await stored()).toBe(before)
    form.reset()
    expect(form.settings).toMatchObject({ loss: 'teacher-text', steps: 300 })
  })

  it('goes into the recipe by the button, and is stored if the recipe had no other change', async () => {
    const { recipe, form, stored } = await makeForm()
    form.choose('grpo')
    form.set('steps', 10)
    await form.useInRecipe()
    expect(recipe.text).toMatch(/train: grpo\n\s+steps: 10\n/)
    expect(await stored()).toBe(recipe.text)
    expect(form.differsFromRecipe).toBe(false)
  })

  it('adds a train step to a recipe that has none', async () => {
    const { recipe, form } = await makeForm()
    recipe.remove(recipe.draft.steps.length - 1)
    expect(form.settings).toMatchObject({ loss: 'teacher-text' })
    form.set('steps', 12)
    await form.useInRecipe()
    expect(recipe.draft.steps.at(-1)).toMatchObject({
      family: 'train',
      name: 'teacher-text',
      settings: { steps: 12 },
    })
  })

  it('keeps the settings of a kind when another one is looked at, and reports a wrong value', async () => {
    const { form } = await makeForm()
    form.set('steps', 77)
    form.choose('classes')
    form.choose('teacher-text')
    expect(form.settings).toMatchObject({ loss: 'teacher-text', steps: 77 })
    form.set('steps', 0)
    expect(form.settings).toBeUndefined()
    expect(form.problems).toMatchObject([{ field: 'steps' }])
  })
})
