// No call is made twice: a run uses what its trial and earlier runs of the project made, and only that is deleted which nothing uses.
import { describe, expect, test } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { deleteRun, removeRunForGood } from '../../../src/actions/run/delete-run.ts'
import { previewRun } from '../../../src/actions/recipe/preview-run.ts'
import { startRun } from '../../../src/actions/run/run-recipe.ts'
import { tryFive } from '../../../src/actions/recipe/try-five.ts'
import type { ProjectId } from '../../../src/domain/id.ts'
import type { Run } from '../../../src/domain/run.ts'
import { deleteProject } from '../../../src/storage/projects.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { makeSmallProject, readRecipe, RECIPE } from '../small-project.ts'

async function begin(): Promise<{ machines: TestMachines; projectId: ProjectId }> {
  const machines = await makeMachines()
  return { machines, projectId: await makeSmallProject(machines) }
}
const run = (machines: TestMachines, projectId: ProjectId, text = RECIPE): Promise<Run> =>
  finish(startRun(machines, { projectId, recipe: readRecipe(text), teacher: DESCRIPTION }, new RunControl()))
/** Results that the teacher gave while `work` ran. */
async function countResults({ standIn }: TestMachines, work: () => Promise<unknown>): Promise<number> {
  const before = standIn.resultCount
  await work()
  return standIn.resultCount - before
}
const texts = async ({ db }: TestMachines, projectId: ProjectId, { id }: Run): Promise<unknown> =>
  (await listRows(db, projectId, id)).map(({ prompt, completion, verdicts, status }) => [
    prompt,
    completion.text,
    verdicts,
    status,
  ])

describe('calls of a project', () => {
  test('are not made again by the same recipe', async () => {
    const { machines, projectId } = await begin()
    const first = await run(machines, projectId)
    let second: Run | undefined
    expect(await countResults(machines, async () => (second = await run(machines, projectId)))).toBe(0)
    expect(await texts(machines, projectId, second!)).toEqual(await texts(machines, projectId, first))
  })

  test('are made again only where an edited recipe differs', async () => {
    const { machines, projectId } = await begin()
    await run(machines, projectId)
    const threshold = RECIPE.replace('min: 2.6', 'min: 3.1')
    expect(await countResults(machines, () => run(machines, projectId, threshold))).toBe(0)
    const scored = machines.standIn.scored.length
    const completed = machines.standIn.completed.length
    const rubric = RECIPE.replace(
      '- judge: rubric',
      '- judge: rubric\n    rubric: own\n    own: Is it short?',
    )
    await run(machines, projectId, rubric)
    expect(machines.standIn.completed).toHaveLength(completed)
    expect(machines.standIn.scored.length).toBeGreaterThan(scored)
    const more = RECIPE.replace('n: 2', 'n: 3')
    await run(machines, projectId, more)
    expect(machines.standIn.completed).toHaveLength(completed + 5) // a third completion of each prompt
  })

  test('are made again by another judge only for its verdicts, and by none if the first one judges again', async () => {
    const { machines, projectId } = await begin()
    const first = await run(machines, projectId)
    const { completed, scored } = machines.standIn
    const before = [completed.length, scored.length]
    const second = await finish(
      startRun(
        machines,
        { projectId, recipe: readRecipe(), teacher: DESCRIPTION, judge: OTHER },
        new RunControl(),
      ),
    )
    expect([completed.length, scored.length]).toEqual(before)
    expect(machines.judgeStandIn.completed).toEqual([])
    // Each row that the filters passed, and the pairs of the probe.
    expect(machines.judgeStandIn.scored).toHaveLength(scored.length)
    const read = async ({ id }: Run) => await listRows(machines.db, projectId, id)
    const [own, others] = [await read(first), await read(second)]
    expect(others.map(({ completion }) => completion.text)).toEqual(
      own.map(({ completion }) => completion.text),
    )
    expect(others.map(({ verdicts }) => verdicts?.[0]?.verdict.judge.name)).toEqual(
      own.map(({ verdicts }) => verdicts && 'Other'),
    )
    expect(others.map(({ verdicts }) => verdicts)).not.toEqual(own.map(({ verdicts }) => verdicts))
    const again = machines.judgeStandIn.scored.length
    expect(await countResults(machines, () => run(machines, projectId))).toBe(0)
    expect(machines.judgeStandIn.scored).toHaveLength(again)
  })

  test('of a trial are not made again by the run', async () => {
    const alone = await begin()
    const whole = await countResults(alone.machines, () => run(alone.machines, alone.projectId))
    const { machines, projectId } = await begin()
    const tried = await countResults(machines, () =>
      finish(tryFive(machines, { projectId, recipe: readRecipe(), teacher: DESCRIPTION })),
    )
    expect(tried).toBeGreaterThan(5)
    let after: Run | undefined
    expect(await countResults(machines, async () => (after = await run(machines, projectId)))).toBe(
      whole - tried,
    )
    const [first] = await alone.machines.db.getAll('runs')
    expect(await texts(machines, projectId, after!)).toEqual(
      await texts(alone.machines, alone.projectId, first!),
    )
    // What the run did not use of the trial is gone.
    expect(await machines.db.countFromIndex('callUses', 'ofUser', [projectId, 'trial'])).toBe(0)
  })

  test('are counted before a run, without a call', async () => {
    const { machines, projectId } = await begin()
    const preview = (text = RECIPE) =>
      previewRun(
        machines,
        { projectId, recipe: readRecipe(text), teacher: DESCRIPTION },
        new AbortController().signal,
      )
    expect(await preview()).toBeUndefined()
    await run(machines, projectId)
    const made = machines.standIn.resultCount
    const whole = await preview()
    expect(whole).toMatchObject({ prompts: 5, completions: { stored: 10, known: 10 }, revisions: 0 })
    expect(whole?.requests).toMatchObject({ missing: 0, isWhole: true })
    expect(whole?.requests.stored).toBeGreaterThan(14)
    expect(whole?.verdicts).toBeGreaterThan(4)
    expect(await preview(RECIPE.replace('min: 2.6', 'min: 3.1'))).toEqual(whole)
    expect(await preview(RECIPE.replace('n: 2', 'n: 3'))).toMatchObject({
      requests: { missing: 5, isWhole: false },
      completions: { stored: 10, known: 15 },
    })
    const rubric = RECIPE.replace(
      '- judge: rubric',
      '- judge: rubric\n    rubric: own\n    own: Is it short?',
    )
    expect(await preview(rubric)).toMatchObject({ completions: { stored: 10 }, verdicts: 0 })
    expect(await preview(RECIPE.replace('rngSeed: 3', 'rngSeed: 4'))).toMatchObject({
      requests: { stored: 0, isWhole: false },
      prompts: 0,
      completions: { stored: 0, known: 0 },
    })
    expect(
      await previewRun(
        machines,
        { projectId, recipe: readRecipe(), teacher: DESCRIPTION, judge: OTHER },
        new AbortController().signal,
      ),
    ).toMatchObject({ completions: { stored: 10, known: 10 }, verdicts: 0 })
    expect(machines.standIn.resultCount).toBe(made)
    expect(await machines.db.count('callUses')).toBe(await machines.db.count('calls'))
  })

  test('stay as long as a run uses them, and go with the last one', async () => {
    const { machines, projectId } = await begin()
    const { db } = machines
    const first = await run(machines, projectId)
    const stored = await db.count('calls')
    expect(stored).toBeGreaterThan(15)
    const second = await run(machines, projectId, RECIPE.replace('n: 2', 'n: 3'))
    expect(await db.count('calls')).toBeGreaterThan(stored)
    await deleteRun(machines, { projectId, runId: second.id })
    expect(await db.count('calls')).toBeGreaterThan(stored) // it can still be undone
    await removeRunForGood(machines, { projectId, runId: second.id })
    expect(await db.count('calls')).toBe(stored)
    expect(await countResults(machines, () => run(machines, projectId))).toBe(0)
    for (const { id } of await db.getAll('runs')) {
      await deleteRun(machines, { projectId, runId: id })
      await removeRunForGood(machines, { projectId, runId: id })
    }
    expect(first.status).toBe('finished')
    expect(await db.count('calls')).toBe(0)
    expect(await db.count('callUses')).toBe(0)
  })

  test('of another model or project are not used, and go with their project', async () => {
    const { machines, projectId } = await begin()
    await run(machines, projectId)
    const other = await makeSmallProject(machines)
    expect(await countResults(machines, () => run(machines, other))).toBeGreaterThan(10)
    const stored = await machines.db.count('calls')
    await deleteProject(machines.db, other)
    expect(await machines.db.count('calls')).toBe(stored / 2)
    const differently = { ...DESCRIPTION, chatFormat: 'chatml' as const }
    expect(
      await countResults(machines, () =>
        finish(
          startRun(machines, { projectId, recipe: readRecipe(), teacher: differently }, new RunControl()),
        ),
      ),
    ).toBeGreaterThan(10)
  })
})
