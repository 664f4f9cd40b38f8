// Which dataset's rows are counted when several requests come at once.
import { describe, expect, test } from 'vitest'
import { TrainingChecks } from '../../../src/state/project/training-checks.svelte.ts'
import { storeSampleProject } from '../../stand-ins/sample-project.ts'
import { makeEnvironment } from '../make-environment.ts'

describe('TrainingChecks.read', () => {
  test('of several requests at once, the last one counts', async () => {
    const env = await makeEnvironment()
    const { dataset } = await storeSampleProject(env.machines.db)
    const other = await storeSampleProject(env.machines.db, { name: 'Other', rows: 40 })
    const list = [dataset, other.dataset]
    const students = { datasetId: other.dataset.id, bases: [], chosenBase: undefined, imported: {} }
    const checks = new TrainingChecks(env, {
      datasets: { list },
      students,
      training: { settings: undefined },
      softTargets: {},
      teacher: {},
    } as unknown as ConstructorParameters<typeof TrainingChecks>[1])
    await Promise.all([checks.read(other.dataset), checks.read(dataset), checks.read(other.dataset)])
    expect(checks.dataset?.id).toBe(other.dataset.id)
    expect(checks.facts?.train).toBe(other.dataset.rows.train)
    await Promise.all([checks.read(dataset), checks.read(other.dataset)])
    expect(checks.facts?.train).toBe(other.dataset.rows.train)
  })
})
