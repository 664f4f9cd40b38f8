// A run from start to end, interrupted at every result, paused, stopped, out of space, locked by another tab.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { computeFunnel } from '../../../src/actions/run/funnel.ts'
import { deleteRun } from '../../../src/actions/run/delete-run.ts'
import { resumeRun, startRun } from '../../../src/actions/run/run-recipe.ts'
import { tryFive } from '../../../src/actions/recipe/try-five.ts'
import { listBarMembers } from '../../../src/actions/run/list-bar-members.ts'
import type { ProjectId, RunId } from '../../../src/domain/id.ts'
import type { Run, RunProgress } from '../../../src/domain/run.ts'
import { listPrompts } from '../../../src/storage/prompts.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { listRuns } from '../../../src/storage/runs.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { makeSmallProject, outcomeOf, readRecipe, RECIPE } from '../small-project.ts'

const recipe = readRecipe()
const start = (machines: TestMachines, projectId: ProjectId, control = new RunControl()) =>
  startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, control)
const resume = (machines: TestMachines, projectId: ProjectId, runId: RunId, control = new RunControl()) =>
  resumeRun(machines, { projectId, runId, teacher: DESCRIPTION }, control)

async function begin(): Promise<{ machines: TestMachines; projectId: ProjectId }> {
  const machines = await makeMachines()
  return { machines, projectId: await makeSmallProject(machines) }
}

/** The outcome of an undisturbed run, and its number of results. */
async function undisturbed(): Promise<{ outcome: unknown; results: number }> {
  const { machines, projectId } = await begin()
  const run = await finish(start(machines, projectId))
  return { outcome: await outcomeOf(machines, projectId, run.id), results: machines.standIn.resultCount }
}

describe('startRun and resumeRun', () => {
  test('run seeds through every step and report progress', async () => {
    const { machines, projectId } = await begin()
    const reports: RunProgress[] = []
    const run = await finish(start(machines, projectId), (progress) => reports.push(progress))
    expect(run).toMatchObject({ status: 'finished', recipeHash: recipe.hash })
    expect(await listRuns(machines.db, projectId)).toEqual([run])
    const rows = await listRows(machines.db, projectId, run.id)
    const accepted = (await listPrompts(machines.db, projectId, run.id)).filter(
      ({ status }) => status === 'accepted',
    )
    expect(accepted).toHaveLength(5)
    expect(rows).toHaveLength(10)
    expect(rows.every(({ status }) => status === 'kept' || status === 'dropped')).toBe(true)
    const kept = rows.filter(({ status }) => status === 'kept')
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.length).toBeLessThan(rows.length)
    for (const row of kept)
      expect(row.verdicts).toMatchObject([{ verdict: { kind: 'score', judge: { name: 'Stand-in' } } }])
    expect(reports.at(-1)).toMatchObject({
      phase: 'finished',
      sentence: `Run finished: ${kept.length} of 10 kept.`,
      msLeft: 0,
    })
    expect(reports.at(-1)?.funnel).toEqual(await computeFunnel(machines.db, projectId, run.id, recipe))
  })

  test('grow the same prompts while the recipe is tried on five rows', async () => {
    // Few words are novel enough, so that what the pool holds decides.
    const strict = readRecipe(RECIPE.replace('prompts: 5', 'prompts: 12\n    novelty: 0.3'))
    const startStrict = ({ machines, projectId }: Awaited<ReturnType<typeof begin>>) =>
      startRun(machines, { projectId, recipe: strict, teacher: DESCRIPTION }, new RunControl())
    const alone = await begin()
    const first = await finish(startStrict(alone))
    const outcome = await outcomeOf(alone.machines, alone.projectId, first.id)
    const { machines, projectId } = await begin()
    // The trial fills its pool while the run waits for its first prompts; neither may compare with the texts of the other.
    let trial: Promise<unknown> | undefined
    machines.standIn.beforeResult = () => {
      trial ??= finish(tryFive(machines, { projectId, recipe: strict, teacher: DESCRIPTION }))
      return undefined
    }
    const run = await finish(startStrict({ machines, projectId }))
    await trial
    expect(await outcomeOf(machines, projectId, run.id)).toEqual(outcome)
    expect(machines.poolNames()).toEqual([])
  })

  test('lists as many members of each bar as the bar counts', async () => {
    const { machines, projectId } = await begin()
    const run = await finish(start(machines, projectId))
    const funnel = await computeFunnel(machines.db, projectId, run.id, recipe)
    expect(funnel.map(({ name }) => name)).toEqual([
      'self-instruct',
      'teacher',
      'length',
      'novelty',
      'rubric',
      'threshold',
    ])
    expect(funnel.some(({ reasons }) => reasons.length > 0)).toBe(true)
    const members = async (step: number, part: Parameters<typeof listBarMembers>[1]['bar']['part']) =>
      (await listBarMembers(machines.db, { projectId, runId: run.id, recipe, bar: { step, part } })).ids
    for (const { step, reached, passed, reasons } of funnel) {
      expect(await members(step, 'reached')).toHaveLength(reached)
      expect(await members(step, 'passed')).toHaveLength(passed)
      expect(await members(step, 'dropped')).toHaveLength(reached - passed)
      for (const { reason, count } of reasons) expect(await members(step, { reason })).toHaveLength(count)
    }
  })

  test('resumes to the same outcome after the worker dies at any result', { timeout: 120_000 }, async () => {
    const { outcome, results } = await undisturbed()
    expect(results).toBeGreaterThan(15)
    for (let at = 0; at < results; at++) {
      const { machines, projectId } = await begin()
      machines.standIn.beforeResult = (given) => {
        if (given === at) machines.kill('teacher')
      }
      await expect(finish(start(machines, projectId)), `death before result ${at}`).rejects.toMatchObject({
        name: 'WorkerDied',
      })
      const [run] = await listRuns(machines.db, projectId)
      expect(run).toMatchObject({
        status: 'failed',
        reason: expect.stringMatching(/worker crashed \(killed by the test\)\. Stored data is safe/),
      })
      const stored = await listRows(machines.db, projectId, run!.id)
      // A reloaded page: new workers, the same store.
      const again = await makeMachines({ db: machines.db })
      expect(await finish(resume(again, projectId, run!.id))).toMatchObject({ status: 'finished' })
      expect(await outcomeOf(again, projectId, run!.id), `resumed after death before result ${at}`).toEqual(
        outcome,
      )
      const twice = again.standIn.completed.filter((id) => stored.some((row) => row.id === id))
      expect(twice).toEqual([])
      const judgedTwice = again.standIn.scored.filter((id) =>
        stored.some((row) => row.id === id && row.verdicts),
      )
      expect(judgedTwice).toEqual([])
    }
  })

  test('resumes in another tab after a silent closed tab', async () => {
    const { outcome, results } = await undisturbed()
    for (const at of [1, Math.floor(results / 2), results - 2]) {
      const { machines, projectId } = await begin()
      let silent: () => void = () => undefined
      const reached = new Promise<void>((resolve) => (silent = resolve))
      machines.standIn.beforeResult = (given) => {
        if (given !== at) return
        silent()
        return 'silence'
      }
      void finish(start(machines, projectId)).catch(() => undefined) // never ends: the tab is gone
      await reached
      await new Promise((resolve) => setTimeout(resolve, 250)) // what had ended is written within a tenth of a second
      const [run] = await listRuns(machines.db, projectId)
      expect(run?.status).toBe('running')
      const again = await makeMachines({ db: machines.db })
      await finish(resume(again, projectId, run!.id))
      expect(await outcomeOf(again, projectId, run!.id)).toEqual(outcome)
    }
  })

  test('pauses and resumes without repeating finished requests', async () => {
    const { outcome } = await undisturbed()
    const { machines, projectId } = await begin()
    const control = new RunControl()
    machines.standIn.beforeResult = (given) => {
      if (given === 6) control.pause()
    }
    const reports: RunProgress[] = []
    const ending = finish(start(machines, projectId, control), (progress) => reports.push(progress))
    await vi.waitFor(async () => expect((await listRuns(machines.db, projectId))[0]?.status).toBe('paused'))
    await vi.waitFor(() => expect(reports.at(-1)?.sentence).toMatch(/^Paused\. /))
    const given = machines.standIn.resultCount
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(machines.standIn.resultCount).toBe(given)
    control.resume()
    const run = await ending
    expect(run.status).toBe('finished')
    expect(await outcomeOf(machines, projectId, run.id)).toEqual(outcome)
    const completed = machines.standIn.completed.filter((id) => !id.startsWith('grow'))
    expect(completed.length - new Set(completed).size).toBeLessThanOrEqual(1) // the one in progress when it was paused
  })

  test('stops, records it, and can be resumed later', async () => {
    const { outcome } = await undisturbed()
    const { machines, projectId } = await begin()
    const control = new RunControl()
    machines.standIn.beforeResult = (given) => {
      if (given === 9) control.stop()
    }
    const run = await finish(start(machines, projectId, control))
    expect(run).toMatchObject({ status: 'stopped', reason: 'Stopped by hand.' })
    machines.standIn.beforeResult = () => undefined
    expect(await finish(resume(machines, projectId, run.id))).toMatchObject({ status: 'finished' })
    expect(await outcomeOf(machines, projectId, run.id)).toEqual(outcome)
  })

  test('drops a row that the teacher refuses, with the reason, and continues with the others', async () => {
    const { machines, projectId } = await begin()
    machines.standIn.beforeResult = (_, id) =>
      machines.standIn.completed.length === 3 && !id.startsWith('grow')
        ? { refusal: 'The prompt has 9,000 tokens, and the context holds 2,048.' }
        : undefined
    const run = await finish(start(machines, projectId))
    const refused = (await listRows(machines.db, projectId, run.id)).filter(
      ({ droppedBy }) => droppedBy === 'teacher',
    )
    expect(refused).toHaveLength(1)
    expect(refused[0]?.decisions[0]?.decision).toMatchObject({
      kind: 'dropped',
      reason: expect.stringMatching(/9,000 tokens/),
    })
  })

  test('drops a single row that makes the teacher throw, and finishes', async () => {
    const { machines, projectId } = await begin()
    let poison: string | undefined
    machines.standIn.beforeResult = (_, id) => {
      if (id.startsWith('grow')) return undefined
      poison ??= id
      return id === poison ? new Error('an index is out of range') : undefined
    }
    const run = await finish(start(machines, projectId))
    expect(run.status).toBe('finished')
    const bad = (await listRows(machines.db, projectId, run.id)).filter(
      ({ droppedBy }) => droppedBy === 'teacher',
    )
    expect(bad.map(({ id }) => id)).toEqual([poison])
  })

  test('fails with a sentence on a full disk, keeps what was stored, and can be resumed', async () => {
    const { outcome } = await undisturbed()
    const { machines, projectId } = await begin()
    const { db } = machines
    const whole = db.transaction.bind(db)
    let left = 1
    const transaction = vi.spyOn(db, 'transaction').mockImplementation(((
      names: string | string[],
      mode?: IDBTransactionMode,
      options?: IDBTransactionOptions,
    ) => {
      if ([names].flat().includes('rows') && mode === 'readwrite' && left-- <= 0)
        throw new DOMException('full', 'QuotaExceededError')
      return whole(names as 'rows', mode, options)
    }) as typeof db.transaction)
    await expect(finish(start(machines, projectId))).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(
        /^The rows of this run could not be stored: .* Everything stored before is safe\. Delete a model or a project/,
      ),
    })
    transaction.mockRestore()
    const [run] = await listRuns(db, projectId)
    expect(run).toMatchObject({ status: 'failed', reason: expect.stringMatching(/could not be stored/) })
    expect(await finish(resume(machines, projectId, run!.id))).toMatchObject({ status: 'finished' })
    expect(await outcomeOf(machines, projectId, run!.id)).toEqual(outcome)
  })

  test('is not resumed with another model, nor after it was deleted', async () => {
    const { machines, projectId } = await begin()
    const control = new RunControl()
    machines.standIn.beforeResult = (given) => {
      if (given === 4) control.stop()
    }
    const run = await finish(start(machines, projectId, control))
    await expect(
      finish(resumeRun(machines, { projectId, runId: run.id, teacher: OTHER }, new RunControl())),
    ).rejects.toMatchObject({
      name: 'ModelMissing',
      message:
        'This run was started with Stand-in, but Other is loaded. Load Stand-in to resume it, or start a new run.',
    })
    await expect(finish(resume(machines, projectId, 'nothing' as RunId))).rejects.toThrow('no longer stored')
  })
})

describe('two tabs', () => {
  afterEach(() => vi.unstubAllGlobals())

  test('do not run the same project at once; the second gets the holder in its error', async () => {
    vi.stubGlobal('navigator', { locks: new LocksStandIn() })
    const { machines, projectId } = await begin()
    const control = new RunControl()
    const first = start(machines, projectId, control)
    machines.standIn.beforeResult = (given) => (given === 5 ? 'silence' : undefined)
    await first.next()
    await vi.waitFor(() => expect(machines.standIn.resultCount).toBe(5))
    const second = await makeMachines({ db: machines.db })
    await expect(finish(start(second, projectId))).rejects.toMatchObject({
      name: 'Busy',
      message: expect.stringMatching(/in progress in a tab that has been running it since \d/),
    })
    const [running] = await listRuns(machines.db, projectId)
    await expect(deleteRun(second, { projectId, runId: running!.id })).rejects.toMatchObject({
      name: 'Busy',
    })
    expect(await listRuns(machines.db, projectId)).toHaveLength(1)
    control.stop()
    const stopped: Run = await finish(first)
    expect(stopped.status).toBe('stopped')
    expect(await finish(resume(second, projectId, stopped.id))).toMatchObject({ status: 'finished' })
  })
})

/** The part of Web Locks used here, for one page. */
class LocksStandIn {
  readonly #held = new Set<string>()
  async request(
    name: string,
    options: { ifAvailable?: boolean },
    work: (lock: { name: string } | null) => Promise<unknown>,
  ): Promise<unknown> {
    if (options.ifAvailable && this.#held.has(name)) return work(null)
    this.#held.add(name)
    try {
      return await work({ name })
    } finally {
      this.#held.delete(name)
    }
  }
  async query(): Promise<{ held: { name: string }[] }> {
    return { held: [...this.#held].map((name) => ({ name })) }
  }
}
