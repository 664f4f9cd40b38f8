import { describe, expect, test, vi } from 'vitest'
import { freshId, type ProjectId, type RunId } from '../../../src/domain/id.ts'
import { makeProject } from '../../../src/domain/project.ts'
import { rowId } from '../../../src/domain/row.ts'
import type { Run, RunStatus } from '../../../src/domain/run.ts'
import { checkRecipe } from '../../../src/pipeline/recipes/check-recipe.ts'
import { defaultRecipe } from '../../../src/pipeline/recipes/default-recipe.ts'
import { Runs } from '../../../src/state/project/runs.svelte.ts'
import { markDone } from '../../../src/storage/journal.ts'
import { deleteProject, putProject } from '../../../src/storage/projects.ts'
import { listRows, putRows } from '../../../src/storage/rows.ts'
import { listRuns, putRun } from '../../../src/storage/runs.ts'
import { makeEnvironment } from '../make-environment.ts'
import { makeRow } from '../make-row.ts'

const checked = checkRecipe(defaultRecipe())
if (!checked.ok) throw new Error('no recipe')
const recipe = checked.value

const makeRun = (projectId: ProjectId, startedAt: number, status: RunStatus): Run => ({
  projectId,
  id: freshId('run'),
  recipeHash: recipe.hash,
  recipeText: recipe.text,
  teacher: { name: 'Little teacher', fingerprint: '0123456789abcdef', quantisation: 'F32' },
  status,
  startedAt,
  workedMs: 10,
})

/** An old run with two rows, one with three, and the newest stopped with none. */
async function makeRuns() {
  const env = await makeEnvironment()
  const { db } = env.machines
  const project = makeProject('Runs', 1)
  await putProject(db, project)
  const runs = [
    makeRun(project.id, 1, 'finished'),
    makeRun(project.id, 2, 'finished'),
    makeRun(project.id, 3, 'stopped'),
  ]
  for (const run of runs) await putRun(db, run)
  const put = (runId: RunId, count: number) =>
    putRows(
      db,
      Array.from({ length: count }, (_, order) => ({
        ...makeRow({ projectId: project.id, runId, order, status: order === 0 ? 'dropped' : 'kept' }),
        id: rowId([runId, order]),
      })),
    )
  await put(runs[0]!.id, 2)
  await put(runs[1]!.id, 3)
  await markDone(db, project.id, runs[0]!.id, 'seeds added')
  let ends = 0
  const state = new Runs(env, project.id, () => (ends += 1))
  await state.refresh()
  return { env, db, projectId: project.id, runs, state, ends: () => ends }
}

describe('Runs', () => {
  test('reports a run whose recipe only a later version can read, until another is shown', async () => {
    const { state, db, projectId, runs } = await makeRuns()
    expect(state.recipeProblem).toBeUndefined()
    const later = { ...makeRun(projectId, 9, 'stopped'), recipeText: 'retort: 2\nsteps:\n  - melt: gold\n' }
    await putRun(db, later)
    await state.refresh()
    await state.choose(later.id)
    expect(state.recipeProblem).toMatch(/cannot read the recipe of this run.*`melt` is not a step family/)
    expect(state.funnel).toEqual([])
    await state.choose(runs[0]!.id)
    expect(state.recipeProblem).toBeUndefined()
    expect(state.funnel.length).toBeGreaterThan(0)
  })

  test('shows the newest run that has rows, and offers to resume the newest', async () => {
    const { state, runs } = await makeRuns()
    expect(state.latest?.id).toBe(runs[2]?.id)
    expect(state.interrupted?.id).toBe(runs[2]?.id)
    expect([state.shown?.id, state.withRows?.id]).toEqual([runs[1]?.id, runs[1]?.id])
    expect(state.funnel.find(({ of }) => of === 'completion')?.reached).toBe(3)
    expect(state.countsOf(runs[1]!)).toEqual({ rows: 3, kept: 2, prompts: 0 })
  })

  test('shows a chosen run with its funnel, and its own Resume, until another is chosen', async () => {
    const { state, runs } = await makeRuns()
    await state.choose(runs[0]?.id)
    expect([state.shown?.id, state.withRows?.id]).toEqual([runs[0]?.id, runs[0]?.id])
    expect(state.interrupted).toBeUndefined()
    expect(state.funnel.find(({ of }) => of === 'completion')?.reached).toBe(2)
    await state.choose(undefined)
    expect(state.withRows?.id).toBe(runs[1]?.id)
  })

  test('shows no rows, and the newest run, if no run has rows', async () => {
    const { state, db, projectId, runs } = await makeRuns()
    await state.delete(runs[0]!)
    await state.delete(runs[1]!)
    expect([state.shown?.id, state.withRows]).toEqual([runs[2]?.id, undefined])
    expect(await listRuns(db, projectId)).toHaveLength(1)
  })

  test('deletes a run with its rows and journal once its undo is dismissed, and until then restores all of it', async () => {
    const { state, db, projectId, runs, ends } = await makeRuns()
    const before = await db.getAll('journal')
    await state.choose(runs[0]?.id)
    await state.delete(runs[0]!)
    expect(state.list.map(({ id }) => id)).toEqual([runs[2]?.id, runs[1]?.id])
    expect(state.withRows?.id).toBe(runs[1]?.id)
    expect(state.undo.offer?.sentence).toBe('Run deleted, with 2 rows.')
    await state.undo.use()
    expect(state.list).toHaveLength(3)
    expect(await listRuns(db, projectId)).toEqual(runs.toReversed())
    expect(await listRows(db, projectId, runs[0]!.id)).toHaveLength(2)
    expect(await db.getAll('journal')).toEqual(before)
    expect(ends()).toBe(2)
    await state.delete(runs[0]!)
    state.undo.dismiss()
    await vi.waitFor(async () => expect(await db.count('runs')).toBe(2))
    expect(await listRows(db, projectId, runs[0]!.id)).toEqual([])
    expect(await listRows(db, projectId, runs[1]!.id)).toHaveLength(3)
    expect(await db.getAll('journal')).toEqual([])
  })

  test('offers one undo for all runs deleted since, and another offer ends it', async () => {
    const { state, db, runs } = await makeRuns()
    await state.delete(runs[0]!)
    await state.delete(runs[1]!)
    expect(state.undo.offer?.sentence).toBe('2 runs deleted, with 5 rows.')
    expect(await db.count('rows')).toBe(5)
    await state.undo.use()
    expect(state.list).toHaveLength(3)
    expect(state.countsOf(runs[1]!)).toMatchObject({ rows: 3, kept: 2 })
    await state.delete(runs[1]!)
    state.undo.put('Something else was done.', async () => undefined)
    await vi.waitFor(async () => expect(await db.count('rows')).toBe(2))
    expect(await db.count('runs')).toBe(2)
  })

  test('reads the rows of a run that another tab works on for a small share of the time, and the counts each time', async () => {
    const { env, db, projectId, runs } = await makeRuns()
    let reads = 0
    const counting = new Proxy(db, {
      get: (target, name) => {
        if (name === 'getAllFromIndex') reads++
        return Reflect.get(target, name) as unknown
      },
    })
    vi.spyOn(performance, 'now').mockImplementation(() => reads * 1000) // each read of all rows seems to take long
    try {
      const state = new Runs(
        { ...env, machines: { ...env.machines, db: counting } },
        projectId,
        () => undefined,
      )
      await state.refresh()
      const first = reads
      expect(first).toBeGreaterThan(0)
      const row = makeRow({ projectId, runId: runs[1]!.id, order: 9, status: 'kept' })
      await putRows(db, [{ ...row, id: rowId([runs[1]!.id, 9]) }])
      for (let i = 0; i < 5; i++) await state.refreshSparingly()
      expect(reads).toBe(first)
      expect(state.countsOf(runs[1]!)).toMatchObject({ rows: 4, kept: 3 })
      await putRun(db, { ...runs[1]!, reason: 'changed', status: 'stopped' })
      await state.refreshSparingly()
      expect(reads).toBe(2 * first)
      expect(state.funnel.find(({ of }) => of === 'completion')?.reached).toBe(4)
    } finally {
      vi.restoreAllMocks()
    }
  })

  test('undo of a deletion restores nothing into a project that was deleted meanwhile, and says so', async () => {
    const { state, db, projectId, runs } = await makeRuns()
    await state.delete(runs[0]!)
    await deleteProject(db, projectId)
    await state.undo.use()
    expect(state.deleting.error).toMatch(/its project was deleted meanwhile/)
    expect(await db.getAll('rows')).toEqual([])
  })
})
