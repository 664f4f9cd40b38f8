import { describe, expect, test } from 'vitest'
import { makeProject } from '../../../src/domain/project.ts'
import { Recipe } from '../../../src/state/project/recipe.svelte.ts'
import { getProject, putProject } from '../../../src/storage/projects.ts'
import { makeEnvironment } from '../make-environment.ts'

async function makeRecipe(): Promise<{ recipe: Recipe; stored: () => Promise<string | undefined> }> {
  const env = await makeEnvironment()
  const project = makeProject('Shop', 1)
  await putProject(env.machines.db, project)
  return {
    recipe: new Recipe(env, project.id, undefined),
    stored: async () => (await getProject(env.machines.db, project.id))?.recipeText,
  }
}
const indexOf = (recipe: Recipe, name: string): number =>
  recipe.draft.steps.findIndex((step) => step.name === name)

describe('a recipe as text and steps', () => {
  test('starts with a valid recipe', async () => {
    const { recipe } = await makeRecipe()
    expect(recipe.problems).toEqual([])
    expect(recipe.checked?.steps.length).toBe(recipe.draft.steps.length)
    expect(recipe.changed).toBe(true)
  })

  test('writes a changed setting to the text, and reads a changed text into the settings', async () => {
    const { recipe } = await makeRecipe()
    recipe.set(indexOf(recipe, 'length'), 'min', 7)
    expect(recipe.text).toMatch(/filter: length\n\s+min: 7\n/)
    recipe.write(recipe.text.replace('min: 7', 'min: 9'))
    expect(recipe.draft.steps[indexOf(recipe, 'length')]?.settings['min']).toBe(9)
    recipe.rename('Other')
    recipe.setSeed(42)
    expect(recipe.text).toMatch(/name: Other\nrngSeed: 42\n/)
  })

  test('swapping a step keeps shared settings, and swapping back restores its own', async () => {
    const { recipe } = await makeRecipe()
    const at = indexOf(recipe, 'teacher-text')
    const swapFor = (name: string): void => {
      const member = recipe.offered.find((one) => one.family === 'train' && one.name === name)
      if (member) recipe.swap(at, member)
    }
    const settings = () => recipe.draft.steps[at]?.settings ?? {}
    for (const [field, value] of [
      ['preset', 'nano'],
      ['learningRate', 0.01],
      ['batchSize', 16],
    ] as const)
      recipe.set(at, field, value)
    swapFor('dpo')
    expect(settings()).toMatchObject({ batchSize: 16, learningRate: 0.0003 }) // a learning rate for texts would break DPO
    expect(settings()['preset']).toBeUndefined()
    recipe.set(at, 'beta', 0.5)
    recipe.set(at, 'batchSize', 4)
    swapFor('teacher-text')
    expect(settings()).toMatchObject({ preset: 'nano', learningRate: 0.01, batchSize: 4 })
    swapFor('dpo')
    expect(settings()['beta']).toBe(0.5)
    expect(recipe.problems).toEqual([])
  })

  test('keeps the last steps if the text cannot be parsed, and reports the line', async () => {
    const { recipe } = await makeRecipe()
    const steps = recipe.draft.steps.length
    recipe.write('retort: 2\nsteps:\n  - filter: [')
    expect(recipe.unreadable).toBe(true)
    expect(recipe.draft.steps).toHaveLength(steps)
    expect(recipe.checked).toBeUndefined()
    expect(recipe.problemsByLine[0]?.line).toBeGreaterThan(0)
  })

  test('reports an invalid value at its step and field, with its line in the text', async () => {
    const { recipe } = await makeRecipe()
    const at = indexOf(recipe, 'length')
    recipe.set(at, 'min', -3)
    expect(recipe.problemsOf(at).map((problem) => problem.field)).toEqual(['min'])
    const line = recipe.problemsByLine[0]?.line ?? 0
    expect(recipe.text.split('\n')[line - 1]).toContain('min: -3')
  })
})

describe('steps of a recipe', () => {
  test('undo restores a removed step in its position', async () => {
    const { recipe } = await makeRecipe()
    const before = recipe.text
    recipe.remove(indexOf(recipe, 'repetition'))
    expect(indexOf(recipe, 'repetition')).toBe(-1)
    await recipe.undo.use()
    expect(recipe.text).toBe(before)
  })

  test('an added step is inserted in the position of its family', async () => {
    const { recipe } = await makeRecipe()
    const length = recipe.declarationOf({ family: 'filter', name: 'length' })
    if (!length) throw new Error('there is no length filter')
    const at = recipe.add(length)
    expect(recipe.draft.steps[at]?.name).toBe('length')
    expect(recipe.draft.steps[at - 1]?.family).toBe('filter')
    expect(recipe.draft.steps[at + 1]?.family).toBe('judge')
    expect(recipe.problems).toEqual([])
  })

  test('an added step can be taken back, and so can one that replaced another', async () => {
    const { recipe } = await makeRecipe()
    const before = recipe.text
    const member = (family: string, name: string) => {
      const found = recipe.declarationOf({ family, name })
      if (!found) throw new Error(`there is no ${family} step called ${name}`)
      return found
    }
    recipe.add(member('filter', 'final-answer'))
    expect(recipe.undo.offer?.sentence).toMatch(/“Right final answer” is step \d+ now/)
    await recipe.undo.use()
    expect(recipe.text).toBe(before)
    recipe.replace(indexOf(recipe, 'teacher-text'), member('train', 'dpo'))
    expect(indexOf(recipe, 'teacher-text')).toBe(-1)
    await recipe.undo.use()
    expect(recipe.text).toBe(before)
  })

  test('a step moves to any place that the order allows, and a refused move says why and changes nothing', async () => {
    const { recipe } = await makeRecipe()
    const first = indexOf(recipe, 'length')
    const last = indexOf(recipe, 'novelty')
    const names = recipe.draft.steps.map(({ name }) => name)
    expect(recipe.move(first, last)).toEqual([])
    expect(recipe.draft.steps.map(({ name }) => name)).toEqual(
      names.toSpliced(first, 1).toSpliced(last, 0, 'length'),
    )
    const before = recipe.text
    const refused = recipe.move(indexOf(recipe, 'split'), 0)
    expect(refused.map(({ sentence }) => sentence).join()).toMatch(/`freeze`/)
    expect(recipe.text).toBe(before)
    expect(recipe.move(0, 99)).toEqual([]) // there is no such place
    expect(recipe.text).toBe(before)
  })
})

test('starting from another recipe replaces all of it, and the former one can be restored', async () => {
  const { recipe } = await makeRecipe()
  recipe.write(`# mine\n${recipe.text}`)
  const before = recipe.text
  recipe.startFrom('Plain', 'retort: 2\nname: Plain\nsteps:\n  - complete: teacher\n')
  expect(recipe.checked?.steps.map(({ name }) => name)).toEqual(['teacher'])
  expect(recipe.undo.offer?.sentence).toMatch(/“Plain”/)
  await recipe.undo.use()
  expect(recipe.text).toBe(before)
})

test('using a recipe stores its text, even with problems, and marks it unchanged', async () => {
  const { recipe, stored } = await makeRecipe()
  expect(await recipe.use()).toBeDefined()
  expect(await stored()).toBe(recipe.text)
  expect(recipe.changed).toBe(false)
  recipe.write('retort: 2\nsteps: none')
  expect(await recipe.use()).toBeUndefined()
  expect(await stored()).toBe('retort: 2\nsteps: none')
})

describe('a remedy of advice on an earlier recipe', () => {
  test('is set in the step of the same name and place, and can be undone', async () => {
    const { recipe } = await makeRecipe()
    const earlier = recipe.checked!.steps
    const complete = earlier.findIndex(({ family }) => family === 'complete')
    recipe.remove(0) // every step is one place earlier now
    const before = recipe.text
    const back = recipe.setLike(earlier, complete, 'maxTokens', 320)
    expect(recipe.draft.steps[complete - 1]?.settings['maxTokens']).toBe(320)
    expect(recipe.readLike(earlier, complete, 'maxTokens')).toBe(320)
    await back?.()
    expect(recipe.text).toBe(before)
    expect(recipe.setLike(earlier, 0, 'temperature', 1)).toBeUndefined()
  })

  test('a change after a removal ends the offer to undo it, which would undo the change too', async () => {
    const { recipe } = await makeRecipe()
    recipe.remove(0)
    expect(recipe.undo.offer?.sentence).toMatch(/was removed/)
    recipe.write(`${recipe.text}# later\n`)
    expect(recipe.undo.offer).toBeUndefined()
  })
})
