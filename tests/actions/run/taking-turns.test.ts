// Models that do not fit into memory together, in every piece of work: the same outcome, few loads, killed at any swap and resumed.
import { describe, expect, test } from 'vitest'
import { editRow } from '../../../src/actions/rows/edit-row.ts'
import { judgeEdited } from '../../../src/actions/rows/judge-edited.ts'
import { RunControl } from '../../../src/actions/control.ts'
import { resumeRun, startRun } from '../../../src/actions/run/run-recipe.ts'
import { tryFive } from '../../../src/actions/recipe/try-five.ts'
import { Executor } from '../../../src/actions/executing/executor.ts'
import { ModelSwaps } from '../../../src/actions/executing/model-swaps.ts'
import { castModels, RoleModels } from '../../../src/actions/executing/role-models.ts'
import { makeCast, type Cast } from '../../../src/domain/cast.ts'
import type { ProjectId } from '../../../src/domain/id.ts'
import { refOf } from '../../../src/domain/model-card.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { complete, score } from '../../../src/pipeline/programs/program.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { readRecord, RECORDS } from '../../../src/storage/records.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { listRuns } from '../../../src/storage/runs.ts'
import { freeze } from '../../../workers/corpus/freeze.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { describeAs, DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { castInTurns, sized } from '../../stand-ins/turns.ts'
import { MemoryJournal } from '../executing/memory-journal.ts'
import { makeSmallProject, outcomeOf, readRecipe } from '../small-project.ts'

const BOTH = { teacher: sized(DESCRIPTION, 400), judge: sized(OTHER, 400) }
const IN_TURNS = castInTurns(BOTH)

async function begin(db?: TestMachines['db']): Promise<TestMachines> {
  const machines = await makeMachines(db ? { db } : {})
  machines.standIn.description = BOTH.teacher
  machines.judgeStandIn.description = BOTH.judge
  return machines
}
const start = (machines: TestMachines, projectId: ProjectId, cast: Cast) =>
  startRun(machines, { projectId, recipe: readRecipe(), ...cast }, new RunControl())
const loadsOf = ({ standIn, judgeStandIn }: TestMachines): number[] =>
  [standIn, judgeStandIn].map(({ loads }) => loads.length)

describe('a run whose judge does not fit next to the teacher', () => {
  test('has the outcome of one with both loaded, and loads the judge once, after the completions', async () => {
    const together = await begin()
    const first = await makeSmallProject(together)
    const whole = await finish(start(together, first, BOTH))
    const machines = await begin()
    const projectId = await makeSmallProject(machines)
    const sentences: string[] = []
    let completedBefore = 0
    machines.judgeStandIn.beforeLoad = async () => {
      completedBefore = machines.standIn.completed.length
      await new Promise((resolve) => setTimeout(resolve, 300)) // progress is reported ten times a second
    }
    const run = await finish(start(machines, projectId, IN_TURNS), ({ sentence }) => sentences.push(sentence))
    expect(run.status).toBe('finished')
    expect(await outcomeOf(machines, projectId, run.id)).toEqual(await outcomeOf(together, first, whole.id))
    expect(loadsOf(machines)).toEqual([0, 1])
    expect(completedBefore).toBe(machines.standIn.completed.length)
    expect([machines.standIn.loaded, machines.judgeStandIn.loaded]).toEqual([false, true])
    expect(sentences.some((text) => text.startsWith('Loading Other, the judge, in place of Stand-in'))).toBe(
      true,
    )
    expect(run).toMatchObject({ judge: { name: 'Other' }, judgeLoadedWith: { backend: 'wasm' } })
  })

  test('ends the same after it is killed before, in the middle of and after the swap, and repeats no call', async () => {
    const whole = await begin()
    const wholeProject = await makeSmallProject(whole)
    const { id } = await finish(start(whole, wholeProject, IN_TURNS))
    const wanted = await outcomeOf(whole, wholeProject, id)
    const results = whole.standIn.resultCount + whole.judgeStandIn.resultCount
    /** Each with the number of results that were never received. */
    const deaths: readonly (readonly [(machines: TestMachines) => void, number])[] = [
      [
        (machines) =>
          (machines.standIn.beforeResult = (given) => (given === 9 ? machines.kill('teacher') : undefined)),
        1,
      ],
      [(machines) => (machines.judgeStandIn.beforeLoad = () => machines.kill('judge')), 0],
      [
        (machines) =>
          (machines.judgeStandIn.beforeLoad = () => {
            throw new RetortError('OutOfMemory', 'Too large.')
          }),
        0,
      ],
      [
        (machines) =>
          (machines.judgeStandIn.beforeResult = (given) =>
            given === 2 ? machines.kill('judge') : undefined),
        1,
      ],
    ]
    for (const [at, [die, lost]] of deaths.entries()) {
      const machines = await begin()
      const projectId = await makeSmallProject(machines)
      die(machines)
      await expect(finish(start(machines, projectId, IN_TURNS)), `death ${at}`).rejects.toThrow()
      const [failed] = await listRuns(machines.db, projectId)
      const again = await begin(machines.db)
      // After a reload the teacher alone was loaded; the judge was set aside.
      again.judgeStandIn.loaded = false
      const ended = await finish(
        resumeRun(again, { projectId, runId: failed!.id, ...IN_TURNS }, new RunControl()),
      )
      expect(ended.status).toBe('finished')
      expect(await outcomeOf(again, projectId, failed!.id), `death ${at}`).toEqual(wanted)
      const made = [machines, again].reduce(
        (sum, { standIn, judgeStandIn }) => sum + standIn.resultCount + judgeStandIn.resultCount,
        0,
      )
      expect(made, `death ${at}`).toBe(results + lost)
    }
  })

  test('is stopped and paused while the judge is loaded, and resumes', async () => {
    const machines = await begin()
    const projectId = await makeSmallProject(machines)
    const control = new RunControl()
    machines.judgeStandIn.beforeLoad = (loads) => {
      if (loads === 1) control.stop()
    }
    const run = await finish(startRun(machines, { projectId, recipe: readRecipe(), ...IN_TURNS }, control))
    expect(run.status).toBe('stopped')
    const ended = await finish(
      resumeRun(machines, { projectId, runId: run.id, ...IN_TURNS }, new RunControl()),
    )
    expect(ended.status).toBe('finished')
  })
})

test('a served teacher and a judge from a file need no turns; nor do a teacher from a file and a served judge', async () => {
  for (const served of ['teacher', 'judge'] as const) {
    const machines = await begin()
    const projectId = await makeSmallProject(machines)
    const models = { ...BOTH, [served]: { ...BOTH[served], backend: 'server' as const } }
    machines.standInOf(served).description = models[served]
    const run = await finish(start(machines, projectId, castInTurns(models)))
    expect(run.status).toBe('finished')
    expect([machines.standIn.unloads, machines.judgeStandIn.unloads]).toEqual([0, 0])
    const loaded = { loadedWith: run.loadedWith, judgeLoadedWith: run.judgeLoadedWith }
    expect(served === 'teacher' ? loaded.loadedWith : loaded.judgeLoadedWith).toBeUndefined()
    expect(served === 'teacher' ? loaded.judgeLoadedWith : loaded.loadedWith).toMatchObject({
      backend: 'wasm',
    })
  }
})

test('a trial takes turns too, and the run after it repeats none of its calls', async () => {
  const machines = await begin()
  const projectId = await makeSmallProject(machines)
  const { rows } = await finish(tryFive(machines, { projectId, recipe: readRecipe(), ...IN_TURNS }))
  expect(
    rows.some(({ verdicts = [] }) => verdicts.some(({ verdict }) => verdict.judge.name === 'Other')),
  ).toBe(true)
  expect(loadsOf(machines)).toEqual([0, 1])
  const tried = [...machines.judgeStandIn.scored]
  await finish(start(machines, projectId, IN_TURNS))
  expect(machines.judgeStandIn.scored.filter((id) => tried.includes(id))).toEqual(tried)
  expect(loadsOf(machines)).toEqual([1, 2])
})

test('three roles, of which one fits into memory: every program calls all of them, and each model is loaded once', async () => {
  const critic = sized(describeAs('Critic'), 400)
  const work = async (inTurns: boolean) => {
    const machines = await begin()
    machines.standInOf('critic').description = critic
    await machines.teacher.describe(null)
    const cast = inTurns
      ? castInTurns({ ...BOTH, critic })
      : makeCast(BOTH.teacher, Object.entries({ ...BOTH, critic }))
    const ended = new Map<number, string>()
    const executor = new Executor({
      models: new RoleModels(castModels(machines, cast), { swaps: new ModelSwaps(machines, cast) }),
      journal: new MemoryJournal(),
      control: new RunControl(),
    })
    const request = (id: string, text: string) => ({
      id,
      input: { kind: 'raw' as const, text },
      sampling: { ...GREEDY, maxTokens: 8, stop: [], rngSeed: 'x' },
    })
    await executor.each<number, never, string>({
      items: Array.from({ length: 200 }, (_, i) => i),
      *program(i) {
        const draft = yield* complete('teacher', request(`${i} draft`, `Write ${i}`))
        const critique = yield* complete('critic', request(`${i} critique`, draft.text))
        const { logProbs } = yield* score('judge', {
          id: `${i} score`,
          input: { kind: 'raw', text: critique.text },
          continuations: ['a', 'b'],
        })
        return `${critique.text} ${logProbs.join(' ')}`
      },
      onEnd: (i, text) => ended.set(i, text),
    })
    const loads = ['teacher', 'critic', 'judge'].map((role) => machines.standInOf(role).loads.length)
    return { loads, outcome: [...ended].toSorted(([a], [b]) => a - b), machines }
  }
  const together = await work(false)
  const turns = await work(true)
  expect(turns.outcome).toHaveLength(200)
  expect(turns.outcome).toEqual(together.outcome)
  expect([together.loads, turns.loads]).toEqual([
    [0, 0, 0],
    [0, 1, 1],
  ])
  const { completed } = turns.machines.standInOf('critic')
  expect(completed).toHaveLength(200)
})

describe('a recipe with three roles of its own choice', () => {
  const OWN = `retort: 2
name: Three roles
rngSeed: 3
steps:
  - complete: teacher
    by: writer
  - judge: rubric
    by: critic
  - keep: threshold
    min: 1
`
  const three = { writer: sized(describeAs('Writer'), 400), critic: sized(describeAs('Critic'), 400) }
  const beginThree = async (db?: TestMachines['db']): Promise<TestMachines> => {
    const machines = await begin(db)
    for (const role of ['writer', 'critic'] as const) machines.standInOf(role).description = three[role]
    return machines
  }
  const models = { teacher: BOTH.teacher, ...three }

  test('is written and judged by them, recorded by role, and resumes after a death in the middle of a swap', async () => {
    const whole = await beginThree()
    const first = await makeSmallProject(whole)
    const recipe = readRecipe(OWN)
    const run = await finish(
      startRun(
        whole,
        { projectId: first, recipe, ...makeCast(models.teacher, Object.entries(three)) },
        new RunControl(),
      ),
    )
    expect(run.models).toEqual({
      writer: { model: refOf(three.writer.card), loadedWith: { backend: 'wasm', contextLength: 2048 } },
      critic: { model: refOf(three.critic.card), loadedWith: { backend: 'wasm', contextLength: 2048 } },
    })
    expect(readRecord(RECORDS.runs, run)).toEqual({ ok: true, record: run })
    expect([whole.standIn.resultCount, whole.judgeStandIn.resultCount]).toEqual([0, 0])
    const wanted = await outcomeOf(whole, first, run.id)

    const machines = await beginThree()
    const projectId = await makeSmallProject(machines)
    machines.standInOf('critic').beforeLoad = () => machines.kill('critic')
    const cast = castInTurns(models)
    await expect(
      finish(startRun(machines, { projectId, recipe, ...cast }, new RunControl())),
    ).rejects.toThrow()
    const [failed] = await listRuns(machines.db, projectId)
    const again = await beginThree(machines.db)
    await expect(
      finish(resumeRun(again, { projectId, runId: failed!.id, teacher: models.teacher }, new RunControl())),
    ).rejects.toThrow('In this run the writer is Writer, but the writer has no model of its own now.')
    const ended = await finish(resumeRun(again, { projectId, runId: failed!.id, ...cast }, new RunControl()))
    expect(ended.status).toBe('finished')
    expect(await outcomeOf(again, projectId, ended.id)).toEqual(wanted)
    const frozen = await freeze(
      again.db,
      { projectId, runId: ended.id },
      { signal: new AbortController().signal, emit: () => undefined },
      1,
    )
    // An edited row is judged again by the role that judged it.
    const [row] = (await listRows(again.db, projectId, ended.id)).filter(({ status }) => status === 'kept')
    await editRow(again, { projectId, rowId: row!.id, prompt: row!.prompt, completion: 'A text by hand.' })
    const judged = await finish(
      judgeEdited(
        again,
        {
          projectId,
          run: ended,
          rowIds: [row!.id],
          judge: three.critic,
          ...(cast.turns ? { turns: cast.turns } : {}),
        },
        new AbortController().signal,
      ),
    )
    expect(judged.ok && judged.value[0]?.edit?.verdicts?.map(({ verdict }) => verdict.judge.name)).toEqual([
      'Critic',
    ])
    expect(again.judgeStandIn.scored).toEqual([])
    expect(frozen.ok && frozen.dataset.models).toEqual({
      writer: refOf(three.writer.card),
      critic: refOf(three.critic.card),
    })
  })
})
