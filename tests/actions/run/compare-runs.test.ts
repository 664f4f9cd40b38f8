import { expect, test } from 'vitest'
import { compareRuns } from '../../../src/actions/run/compare-runs.ts'
import { RunControl } from '../../../src/actions/control.ts'
import { startRun } from '../../../src/actions/run/run-recipe.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeSmallProject, readRecipe, RECIPE } from '../small-project.ts'

test('compares two stored runs: settings, models, funnels, scores, rows', async () => {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const start = (text: string) =>
    finish(
      startRun(machines, { projectId, recipe: readRecipe(text), teacher: DESCRIPTION }, new RunControl()),
    )
  const first = await start(RECIPE)
  const second = await start(RECIPE.replace('min: 2.6', 'min: 5'))
  const never = new AbortController().signal
  const found = await compareRuns(machines.db, { first, second }, never)
  if (!found.ok) throw new Error('refused')
  const { settings, funnel, scores, rows } = found.value
  expect(settings).toMatchObject([{ first: '2.6', second: '5' }])
  expect(funnel.every(({ first: a, second: b }) => a?.name === b?.name && a?.reached === b?.reached)).toBe(
    true,
  )
  const keep = funnel.find(({ first: bar }) => bar?.name === 'threshold')
  const [kept, keptLater] = [keep?.first?.passed ?? 0, keep?.second?.passed ?? 0]
  expect(kept).toBeGreaterThan(keptLater)
  expect(scores).toHaveLength(1)
  expect(scores[0]?.first).toEqual(scores[0]?.second)
  expect(rows).toMatchObject({ differing: kept - keptLater, onlyFirst: 0, onlySecond: 0 })
  expect(rows.common).toBe(funnel.find(({ first: bar }) => bar?.of === 'completion')?.first?.reached)

  const other = { ...second, teacher: { ...second.teacher, fingerprint: 'fedcba9876543210' } }
  const models = await compareRuns(machines.db, { first, second: other }, never)
  expect(models.ok && models.value.settings[0]).toMatchObject({ setting: 'Model for: teacher' })
  const broken = await compareRuns(machines.db, { first, second: { ...second, recipeText: 'x: [' } }, never)
  expect(!broken.ok && broken.problems[0]?.sentence).toMatch(/second run/)
  await expect(compareRuns(machines.db, { first, second }, AbortSignal.abort())).rejects.toThrow(/abort/)
})
