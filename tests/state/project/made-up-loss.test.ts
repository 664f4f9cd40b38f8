// Knows: that a loss appears in the recipe's check, the form, the Student screen's lists and refusals by its declaration alone.
import { describe, expect, it, vi } from 'vitest'
import { makeProject } from '../../../src/domain/project.ts'
import type { Student } from '../../../src/domain/student.ts'
import { adviseOnEndedWorse } from '../../../src/pipeline/advice/ended-worse.ts'
import { adviseOnMemorising } from '../../../src/pipeline/advice/memorising.ts'
import { adviseOnCutRows } from '../../../src/pipeline/advice/short-context.ts'
import { checkRecipe } from '../../../src/pipeline/recipes/check-recipe.ts'
import { parseRecipe } from '../../../src/pipeline/recipes/parse-recipe.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { findBestBase } from '../../../src/pipeline/training/best-base.ts'
import { findWrongSetting } from '../../../src/pipeline/training/check-settings.ts'
import { refuseTraining, type TrainingFacts } from '../../../src/pipeline/training/refuse-training.ts'
import { describeLoss } from '../../../src/state/project/losses.ts'
import { Recipe } from '../../../src/state/project/recipe.svelte.ts'
import { TrainingForm } from '../../../src/state/project/training-form.svelte.ts'
import { putProject } from '../../../src/storage/projects.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'
import { makeEnvironment } from '../make-environment.ts'

vi.mock('../../../src/pipeline/training/losses/index.ts', async (original) =>
  (await import('../../stand-ins/made-up-losses.ts')).withMadeUpLosses(original as never),
)

async function makeForm(): Promise<{ readonly form: TrainingForm; readonly recipe: Recipe }> {
  const env = await makeEnvironment()
  const project = makeProject('Shop', 1)
  await putProject(env.machines.db, project)
  const recipe = new Recipe(env, project.id, undefined)
  await recipe.use()
  return { recipe, form: new TrainingForm(recipe) }
}

describe('a made-up loss', () => {
  it('is checked and completed in a recipe', async () => {
    const { recipe } = await makeForm()
    const check = (lines: string) => {
      const text = recipe.text.replace(/- train: teacher-text[\s\S]*$/, lines)
      expect(text).toContain('cautious')
      const parsed = parseRecipe(text)
      return parsed.ok ? checkRecipe(parsed.value) : parsed
    }
    const good = check('- train: cautious\n    steps: 9\n')
    expect(good.ok && readSteps(good.value).train?.settings).toMatchObject({
      loss: 'cautious',
      caution: 0.2,
      dropout: 0.1,
      steps: 9,
    })
    const bad = check('- train: cautious\n    caution: 3\n')
    expect(bad.ok ? [] : bad.problems.map(({ sentence }) => sentence).join()).toMatch(
      /`caution` must be from 0 to 0\.4, not 3/,
    )
  })

  it('has a form with its own settings', async () => {
    const { form } = await makeForm()
    form.choose('cautious')
    expect(form.members.map(({ name }) => name)).toEqual(expect.arrayContaining(['cautious', 'contrary']))
    expect(form.declaration?.settings['caution']).toMatchObject({ label: 'Caution' })
    form.set('caution', 0.3)
    expect(form.settings).toMatchObject({ loss: 'cautious', caution: 0.3 })
    expect(form.wantedSoftTargets).toBeUndefined()
    form.set('caution', 5)
    expect(form.problems).toMatchObject([{ field: 'caution' }])
  })

  it('is described in the lists of the Student screen', () => {
    expect(describeLoss('cautious')).toMatchObject({
      short: 'cautious cross-entropy',
      startsFrom: 'scratch',
      points: { name: 'Doubt', unit: 'nats per token, doubtful' },
    })
    expect(describeLoss('contrary')).toMatchObject({ short: 'pairs, contrary', startsFrom: 'student' })
    expect(describeLoss('of-a-later-version')).toMatchObject({ short: 'of-a-later-version' })
  })

  it('is refused for the same reasons as others of its kind', async () => {
    const { form } = await makeForm()
    form.choose('contrary')
    const settings = form.settings!
    const rows = {
      train: 9,
      heldOut: 1,
      pairs: 0,
      good: 0,
      bad: 0,
      undecided: 0,
      problems: 0,
      knownAnswers: 0,
    }
    const facts: TrainingFacts = {
      rows,
      base: { checkpointStep: 5 },
      teacherLoaded: false,
      storedTeachers: 0,
      backend: 'wasm',
    }
    expect(refuseTraining(settings, facts)).toMatchObject({ kind: 'no pairs' })
    expect(refuseTraining(settings, { ...facts, base: undefined })).toMatchObject({ kind: 'no base student' })
    expect(refuseTraining(settings, { ...facts, rows: { ...rows, pairs: 4 } })).toBeUndefined()
  })

  it('is stored, and compared only with losses of its unit', async () => {
    const { form } = await makeForm()
    form.choose('cautious')
    const made = { datasetId: 'd' as Student['datasetId'], settings: form.settings! }
    expect(findWrongSetting(made.settings)).toBeUndefined()
    expect(findWrongSetting({ ...made.settings, caution: 'much' })).toMatch(/caution cannot be "much"/)
    form.choose('teacher-text')
    const plain = { ...made, settings: form.settings!, points: [{ step: 1, train: 3, heldOut: 2 }] }
    const other = { ...made, points: [{ step: 1, train: 1, heldOut: 0.1 }] }
    expect(findBestBase([other, plain], made.datasetId)).toBe(plain)
  })

  it('does not break the screen in a student that a later version trained', () => {
    const later = {
      datasetId: 'd' as Student['datasetId'],
      settings: { ...SMALL_TRAINING, loss: 'of-a-later-version' },
      points: [{ step: 1, train: 3, heldOut: 2 }],
      status: 'trained',
    } as const
    expect(findBestBase([later], later.datasetId)).toBe(later)
    expect(adviseOnEndedWorse(later)).toBeUndefined()
    expect(adviseOnMemorising(later, 9)).toBeUndefined()
    expect(adviseOnCutRows({ ...later, truncatedRows: 1, skippedRows: 0 }, 9)).toBeDefined()
  })
})
