// A run from its start to its end, broken off at every answer it gets, paused, stopped, out of space, held by another tab.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { RunControl } from '../../src/actions/control.ts'
import { computeFunnel } from '../../src/actions/funnel.ts'
import { resumeRun, startRun } from '../../src/actions/run-recipe.ts'
import { listRowsOfBar } from '../../src/actions/rows-of-bar.ts'
import type { ProjectId, RunId } from '../../src/domain/id.ts'
import type { Run, RunProgress } from '../../src/domain/run.ts'
import { listPrompts } from '../../src/storage/prompts.ts'
import { listRows } from '../../src/storage/rows.ts'
import { listRuns } from '../../src/storage/runs.ts'
import { finish, makeMachines, type TestMachines } from '../stand-ins/machines.ts'
import { DESCRIPTION, OTHER } from '../stand-ins/teacher.ts'
import { makeSmallProject, outcomeOf, readRecipe } from './small-project.ts'

const recipe = readRecipe()
const start = (machines: TestMachines, projectId: ProjectId, control = new RunControl()) =>
  startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, control)
const resume = (machines: TestMachines, projectId: ProjectId, runId: RunId, control = new RunControl()) =>
  resumeRun(machines, { projectId, runId, teacher: DESCRIPTION }, control)

async function begin(): Promise<{ machines: TestMachines; projectId: ProjectId }> {
  const machines = await makeMachines()
  return { machines, projectId: await makeSmallProject(machines) }
}

/** The outcome of a run that nothing disturbs, and how many answers it takes. */
async function undisturbed(): Promise<{ outcome: unknown; answers: number }> {
  const { machines, projectId } = await begin()
  const run = await finish(start(machines, projectId))
  return { outcome: await outcomeOf(machines, projectId, run.id), answers: machines.standIn.given }
}

describe('a run', () => {
  test('carries seeds through every step and tells how it goes', async () => {
    const { machines, projectId } = await begin()
    const told: RunProgress[] = []
    const run = await finish(start(machines, projectId), (progress) => told.push(progress))
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
    for (const row of kept) expect(row.verdict).toMatchObject({ kind: 'score', judge: { name: 'Stand-in' } })
    expect(told.at(-1)).toMatchObject({
      phase: 'finished',
      sentence: `Run finished: ${kept.length} of 10 kept.`,
      msLeft: 0,
    })
    expect(told.at(-1)?.funnel).toEqual(await computeFunnel(machines.db, projectId, run.id, recipe))
  })

  test('has bars that open as many rows as they count', async () => {
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
    const members = async (step: number, part: Parameters<typeof listRowsOfBar>[1]['bar']['part']) =>
      (await listRowsOfBar(machines.db, { projectId, runId: run.id, recipe, bar: { step, part } })).ids
    for (const { step, reached, passed, reasons } of funnel) {
      expect(await members(step, 'reached')).toHaveLength(reached)
      expect(await members(step, 'passed')).toHaveLength(passed)
      expect(await members(step, 'dropped')).toHaveLength(reached - passed)
      for (const { reason, count } of reasons) expect(await members(step, { reason })).toHaveLength(count)
    }
  })

  test(
    'whose worker dies at any answer goes on from what is stored and comes to the same end',
    { timeout: 120_000 },
    async () => {
      const { outcome, answers } = await undisturbed()
      expect(answers).toBeGreaterThan(15)
      for (let at = 0; at < answers; at++) {
        const { machines, projectId } = await begin()
        machines.standIn.beforeAnswer = (given) => {
          if (given === at) machines.kill('teacher')
        }
        await expect(finish(start(machines, projectId)), `death before answer ${at}`).rejects.toMatchObject({
          name: 'WorkerDied',
        })
        const [run] = await listRuns(machines.db, projectId)
        expect(run).toMatchObject({
          status: 'failed',
          why: expect.stringMatching(/worker broke down \(killed by the test\)\. What was stored is safe/),
        })
        const stored = await listRows(machines.db, projectId, run!.id)
        // A reloaded page: new workers, the same store.
        const again = await makeMachines({ db: machines.db })
        expect(await finish(resume(again, projectId, run!.id))).toMatchObject({ status: 'finished' })
        expect(await outcomeOf(again, projectId, run!.id), `gone on after death before answer ${at}`).toEqual(
          outcome,
        )
        const twice = again.standIn.completed.filter((id) => stored.some((row) => row.id === id))
        expect(twice).toEqual([])
        const judgedTwice = again.standIn.scored.filter((id) =>
          stored.some((row) => row.id === id && row.verdict),
        )
        expect(judgedTwice).toEqual([])
      }
    },
  )

  test('of a closed tab, which says nothing any more, goes on in the next one', async () => {
    const { outcome, answers } = await undisturbed()
    for (const at of [1, Math.floor(answers / 2), answers - 2]) {
      const { machines, projectId } = await begin()
      let silent: () => void = () => undefined
      const reached = new Promise<void>((resolve) => (silent = resolve))
      machines.standIn.beforeAnswer = (given) => {
        if (given !== at) return
        silent()
        return 'silence'
      }
      void finish(start(machines, projectId)).catch(() => undefined) // never ends: the tab is gone
      await reached
      await new Promise((resolve) => setTimeout(resolve, 250)) // what had ended is written within a tenth of a second
      const [run] = await listRuns(machines.db, projectId)
      expect(run?.status).toBe('going')
      const again = await makeMachines({ db: machines.db })
      await finish(resume(again, projectId, run!.id))
      expect(await outcomeOf(again, projectId, run!.id)).toEqual(outcome)
    }
  })

  test('is paused and resumed, and asks nothing twice that had ended', async () => {
    const { outcome } = await undisturbed()
    const { machines, projectId } = await begin()
    const control = new RunControl()
    machines.standIn.beforeAnswer = (given) => {
      if (given === 6) control.pause()
    }
    const told: RunProgress[] = []
    const ending = finish(start(machines, projectId, control), (progress) => told.push(progress))
    await vi.waitFor(async () => expect((await listRuns(machines.db, projectId))[0]?.status).toBe('paused'))
    await vi.waitFor(() => expect(told.at(-1)?.sentence).toMatch(/^Paused\. /))
    const given = machines.standIn.given
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(machines.standIn.given).toBe(given)
    control.resume()
    const run = await ending
    expect(run.status).toBe('finished')
    expect(await outcomeOf(machines, projectId, run.id)).toEqual(outcome)
    const completed = machines.standIn.completed.filter((id) => !id.startsWith('grow'))
    expect(completed.length - new Set(completed).size).toBeLessThanOrEqual(1) // the one in hand when it was paused
  })

  test('is stopped, says so, and can go on later', async () => {
    const { outcome } = await undisturbed()
    const { machines, projectId } = await begin()
    const control = new RunControl()
    machines.standIn.beforeAnswer = (given) => {
      if (given === 9) control.stop()
    }
    const run = await finish(start(machines, projectId, control))
    expect(run).toMatchObject({ status: 'stopped', why: 'Stopped by hand.' })
    machines.standIn.beforeAnswer = () => undefined
    expect(await finish(resume(machines, projectId, run.id))).toMatchObject({ status: 'finished' })
    expect(await outcomeOf(machines, projectId, run.id)).toEqual(outcome)
  })

  test('drops a row that the teacher refuses, with the reason, and goes on with the others', async () => {
    const { machines, projectId } = await begin()
    machines.standIn.beforeAnswer = (_, id) =>
      machines.standIn.completed.length === 3 && !id.startsWith('grow')
        ? { refusal: 'The prompt has 9,000 tokens, and the context holds 2,048.' }
        : undefined
    const run = await finish(start(machines, projectId))
    const refused = (await listRows(machines.db, projectId, run.id)).filter(
      ({ droppedBy }) => droppedBy === 'teacher',
    )
    expect(refused).toHaveLength(1)
    expect(refused[0]?.answers[0]?.answer).toMatchObject({
      kind: 'dropped',
      reason: expect.stringMatching(/9,000 tokens/),
    })
  })

  test('gives up one row whose question breaks the teacher, and finishes', async () => {
    const { machines, projectId } = await begin()
    let poison: string | undefined
    machines.standIn.beforeAnswer = (_, id) => {
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

  test('on a full disk ends with a sentence, and what was stored stays and is gone on with', async () => {
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
      if (names === 'rows' && mode === 'readwrite' && left-- <= 0)
        throw new DOMException('full', 'QuotaExceededError')
      return whole(names as 'rows', mode, options)
    }) as typeof db.transaction)
    await expect(finish(start(machines, projectId))).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(
        /^The rows of this run could not be stored: .* All that was stored before is safe\. Delete a model or a project/,
      ),
    })
    transaction.mockRestore()
    const [run] = await listRuns(db, projectId)
    expect(run).toMatchObject({ status: 'failed', why: expect.stringMatching(/could not be stored/) })
    expect(await finish(resume(machines, projectId, run!.id))).toMatchObject({ status: 'finished' })
    expect(await outcomeOf(machines, projectId, run!.id)).toEqual(outcome)
  })

  test('is not gone on with by another model, nor once it is gone', async () => {
    const { machines, projectId } = await begin()
    const control = new RunControl()
    machines.standIn.beforeAnswer = (given) => {
      if (given === 4) control.stop()
    }
    const run = await finish(start(machines, projectId, control))
    await expect(
      finish(resumeRun(machines, { projectId, runId: run.id, teacher: OTHER }, new RunControl())),
    ).rejects.toMatchObject({
      name: 'ModelMissing',
      message:
        'This run was begun with Stand-in, and Other is loaded. Load Stand-in to go on, or start a new run.',
    })
    await expect(finish(resume(machines, projectId, 'nothing' as RunId))).rejects.toThrow(
      'not stored any more',
    )
  })
})

describe('two tabs', () => {
  afterEach(() => vi.unstubAllGlobals())

  test('do not run the same project at once; the second one is told who does', async () => {
    vi.stubGlobal('navigator', { locks: new LocksStandIn() })
    const { machines, projectId } = await begin()
    const control = new RunControl()
    const first = start(machines, projectId, control)
    machines.standIn.beforeAnswer = (given) => (given === 5 ? 'silence' : undefined)
    await first.next()
    await vi.waitFor(() => expect(machines.standIn.given).toBe(5))
    const second = await makeMachines({ db: machines.db })
    await expect(finish(start(second, projectId))).rejects.toMatchObject({
      name: 'Busy',
      message: expect.stringMatching(/in the hands of a tab that has had it in hand since \d/),
    })
    expect(await listRuns(machines.db, projectId)).toHaveLength(1)
    control.stop()
    const stopped: Run = await finish(first)
    expect(stopped.status).toBe('stopped')
    expect(await finish(resume(second, projectId, stopped.id))).toMatchObject({ status: 'finished' })
  })
})

/** Web Locks as far as they are used here, of one page. */
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
