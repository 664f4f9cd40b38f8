// Knows: what every loss's declaration holds, and the names that stored students, recipes and checkpoints have of each.
import { describe, expect, test } from 'vitest'
import { hashOf } from '../../../../src/domain/hash.ts'
import type { DatasetId } from '../../../../src/domain/id.ts'
import type { TrainSettings } from '../../../../src/domain/student.ts'
import { checkRecipe } from '../../../../src/pipeline/recipes/check-recipe.ts'
import { checkTrainStep } from '../../../../src/pipeline/recipes/check-train-step.ts'
import { defaultRecipe, defaultStep } from '../../../../src/pipeline/recipes/default-recipe.ts'
import { findLoss, planOf, trainMembers } from '../../../../src/pipeline/training/index.ts'
import { keyOf } from '../../../../workers/student/stored-student.ts'

/** From before losses were declared in one place. A name that changes orphans what is stored under it. */
const NAMES: Readonly<Record<string, Readonly<Record<'settings' | 'key' | 'recipe', string>>>> = {
  'teacher-text': { settings: '28eb8e7a1178', key: 'a433dab2e805', recipe: 'ee324d319020' },
  'forward-kl': { settings: '393472b6390b', key: '99f86abb207b', recipe: 'b7db891923b2' },
  'reverse-kl': { settings: '27641ecf80f9', key: '6db093920f2d', recipe: 'cd616d14b2db' },
  'jensen-shannon': { settings: '937ab331fef9', key: '071eed549331', recipe: '407af146d1d3' },
  'on-policy': { settings: '03fd3602db15', key: 'aea1faefa7f3', recipe: 'ed057d40b573' },
  classes: { settings: '4eb469653064', key: 'bbe1fbbd9d42', recipe: '4b331332276c' },
  dpo: { settings: 'f6715ce2bded', key: 'a03e2eaccad0', recipe: '924acb161d35' },
  simpo: { settings: 'b1a745beb717', key: '57def7f4a237', recipe: '06f87de5fb2e' },
  orpo: { settings: 'daf4d14a9dc1', key: '6d58d8262fec', recipe: '557ca518392a' },
  kto: { settings: '8d219d9229f9', key: 'dab678e9f8a3', recipe: 'cd0af5ae71c1' },
  grpo: { settings: 'b00e89b0b7cb', key: '04a769c2f8b4', recipe: 'a1136c768263' },
  lora: { settings: 'bfff06a90559', key: '41f5e9b5ecfb', recipe: 'd93ccbe42cb8' },
}
const settingsOf = (name: string, settings: Readonly<Record<string, unknown>> = {}): TrainSettings => {
  const checked = checkTrainStep({ family: 'train', name, settings }, 7)
  if (!checked.ok) throw new Error(checked.problems.map(({ sentence }) => sentence).join(' '))
  return checked.value
}

test('knows the names of every loss', () => {
  expect(Object.keys(NAMES).toSorted()).toEqual(trainMembers.map(({ name }) => name).toSorted())
})

describe.each(trainMembers)('$name', (loss) => {
  test('keeps the names of stored settings, checkpoints and recipes', () => {
    const settings = settingsOf(loss.name)
    const recipe = checkRecipe({
      ...defaultRecipe(),
      steps: [...defaultRecipe().steps.slice(0, -1), defaultStep(loss)],
    })
    expect({
      settings: hashOf({ ...settings }).slice(0, 12),
      key: keyOf({ datasetId: 'd'.repeat(16) as DatasetId, settings }).slice(0, 12),
      recipe: recipe.ok ? recipe.value.hash.slice(0, 12) : undefined,
    }).toEqual(NAMES[loss.name])
  })

  test('has a value for every common setting', () => {
    const common = new Set(trainMembers.flatMap(({ fixed }) => Object.keys(fixed)))
    for (const name of common) expect(settingsOf(loss.name), name).toHaveProperty(name)
  })

  test('plans only what its declaration says it may need', () => {
    const plan = planOf(settingsOf(loss.name))
    expect([loss.teacher, undefined]).toContain(plan.teacher?.kind)
    expect(plan.adapters !== undefined).toBe(loss.startsFrom === 'model')
    expect(plan.completions !== undefined).toBe(loss.rows === 'prompts' || loss.rows === 'problems')
    expect(plan.comparesWithStart === true && loss.startsFrom !== 'student').toBe(false)
    expect(loss.short).not.toBe('')
    expect(loss.points.unit).not.toBe('')
  })
})

test('reads a setting that an older student does not have as its default', () => {
  const { hiddenShare: _, ...older } = settingsOf('forward-kl') as TrainSettings & { hiddenShare: number }
  expect(planOf(older as TrainSettings)).toEqual(planOf(settingsOf('forward-kl')))
  expect(planOf(settingsOf('forward-kl', { hiddenShare: 2 })).teacher).toMatchObject({ hidden: true })
})

test('needs a teacher of classes only for a share above 0', () => {
  expect(planOf(settingsOf('classes')).teacher).toBeUndefined()
  expect(planOf(settingsOf('classes', { softShare: 0.5, temperature: 2 })).teacher).toEqual({
    kind: 'labels',
    temperature: 2,
  })
})

test('calls the teacher during training only for a share of own completions above 0', () => {
  expect(planOf(settingsOf('on-policy')).teacher).toMatchObject({ lent: true })
  expect(planOf(settingsOf('on-policy', { lambda: 0 })).teacher).toMatchObject({
    kind: 'during',
    lent: false,
  })
})

test('knows no loss of a later version', () => {
  expect(findLoss('of-a-later-version')).toBeUndefined()
  expect(() => planOf({ ...settingsOf('dpo'), loss: 'later' } as unknown as TrainSettings)).toThrow(/later/)
})
