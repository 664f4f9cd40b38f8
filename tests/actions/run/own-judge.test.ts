// A judge of its own, in every piece of work that has one: which model is called, what is recorded, what a resume needs.
import { describe, expect, test } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { editRow } from '../../../src/actions/rows/edit-row.ts'
import { judgeEdited } from '../../../src/actions/rows/judge-edited.ts'
import { resumeRun, startRun } from '../../../src/actions/run/run-recipe.ts'
import { tryFive } from '../../../src/actions/recipe/try-five.ts'
import type { ProjectId } from '../../../src/domain/id.ts'
import { refOf } from '../../../src/domain/model-card.ts'
import type { Run } from '../../../src/domain/run.ts'
import { readRecord, RECORDS } from '../../../src/storage/records.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { listRuns } from '../../../src/storage/runs.ts'
import { freeze } from '../../../workers/corpus/freeze.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { ALL_CAPABILITIES, DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { makeSmallProject, outcomeOf, readRecipe, RECIPE } from '../small-project.ts'

const models = { teacher: DESCRIPTION, judge: OTHER }
const start = (machines: TestMachines, projectId: ProjectId, text = RECIPE, control = new RunControl()) =>
  startRun(machines, { projectId, recipe: readRecipe(text), ...models }, control)
async function begin(): Promise<{ machines: TestMachines; projectId: ProjectId }> {
  const machines = await makeMachines()
  return { machines, projectId: await makeSmallProject(machines) }
}
const judgesOf = async ({ db }: TestMachines, { projectId, id }: Run) =>
  new Set(
    (await listRows(db, projectId, id)).flatMap(({ verdicts = [] }) =>
      verdicts.map(({ verdict }) => verdict.judge.name),
    ),
  )

describe('a run with a judge of its own', () => {
  test('has the teacher generate everything and the judge score everything, and records both', async () => {
    const { machines, projectId } = await begin()
    const run = await finish(start(machines, projectId))
    expect([machines.standIn.scored.length, machines.judgeStandIn.completed.length]).toEqual([0, 0])
    expect(machines.standIn.completed.length).toBeGreaterThan(10)
    expect(machines.judgeStandIn.scored.length).toBeGreaterThan(5)
    expect(await judgesOf(machines, run)).toEqual(new Set(['Other']))
    const loaded = { backend: 'wasm', contextLength: 2048 }
    expect(run).toMatchObject({
      teacher: refOf(DESCRIPTION.card),
      judge: refOf(OTHER.card),
      loadedWith: loaded,
      judgeLoadedWith: loaded,
    })
    expect(readRecord(RECORDS.runs, run)).toEqual({ ok: true, record: run })
    const frozen = await freeze(
      machines.db,
      { projectId, runId: run.id },
      { signal: new AbortController().signal, emit: () => undefined },
      1,
    )
    expect(frozen.ok && frozen.dataset.judges).toEqual([refOf(OTHER.card)])
  })

  test('records no judge if its recipe has none, and how a served one was loaded neither', async () => {
    const { machines, projectId } = await begin()
    const judgeless = RECIPE.replace('  - judge: rubric\n  - keep: threshold\n    min: 2.6\n', '')
    expect(await finish(start(machines, projectId, judgeless))).not.toHaveProperty('judge')
    const served = await finish(
      startRun(
        machines,
        {
          projectId,
          recipe: readRecipe(),
          teacher: DESCRIPTION,
          judge: { ...OTHER, backend: 'server' },
        },
        new RunControl(),
      ),
    )
    expect(served.judge).toEqual(refOf(OTHER.card))
    expect(served).not.toHaveProperty('judgeLoadedWith')
  })

  test('resumes to the same outcome after the death of the judge, only with the same judge', async () => {
    const whole = await begin()
    const undisturbed = await finish(start(whole.machines, whole.projectId))
    const wanted = await outcomeOf(whole.machines, whole.projectId, undisturbed.id)
    for (const at of [0, 3]) {
      const { machines, projectId } = await begin()
      machines.judgeStandIn.beforeResult = (given) => {
        if (given === at) machines.kill('judge')
      }
      await expect(finish(start(machines, projectId))).rejects.toMatchObject({ name: 'WorkerDied' })
      const [run] = await listRuns(machines.db, projectId)
      const again = await makeMachines({ db: machines.db })
      const resume = (judge?: typeof OTHER) =>
        finish(
          resumeRun(
            again,
            { projectId, runId: run!.id, teacher: DESCRIPTION, ...(judge ? { judge } : {}) },
            new RunControl(),
          ),
        )
      await expect(resume()).rejects.toMatchObject({
        name: 'ModelMissing',
        message:
          'The rows of this run are judged by Other, but the judge has no model of its own now. Load Other for the judge to resume it, or start a new run.',
      })
      await expect(resume(DESCRIPTION)).rejects.toThrow('judged by Other, but Stand-in is the judge now')
      expect(await resume(OTHER)).toMatchObject({ status: 'finished', judge: refOf(OTHER.card) })
      expect(await outcomeOf(again, projectId, run!.id)).toEqual(wanted)
      expect(again.standIn.completed).toEqual([])
    }
  })

  test('is not given one on resume if the teacher judged it', async () => {
    const { machines, projectId } = await begin()
    const control = new RunControl()
    machines.standIn.beforeResult = (given) => {
      if (given === 16) control.stop()
    }
    const run = await finish(
      startRun(machines, { projectId, recipe: readRecipe(), teacher: DESCRIPTION }, control),
    )
    expect(run.status).toBe('stopped')
    machines.standIn.beforeResult = () => undefined
    const ended = await finish(resumeRun(machines, { projectId, runId: run.id, ...models }, new RunControl()))
    expect(await judgesOf(machines, ended)).toEqual(new Set(['Stand-in']))
    expect(machines.judgeStandIn.scored).toEqual([])
  })
})

test('a trial is judged by the judge of its own, and the run with it repeats none of its calls', async () => {
  const { machines, projectId } = await begin()
  const { rows } = await finish(tryFive(machines, { projectId, recipe: readRecipe(), ...models }))
  expect(
    new Set(rows.flatMap(({ verdicts = [] }) => verdicts.map(({ verdict }) => verdict.judge.name))),
  ).toEqual(new Set(['Other']))
  const tried = [...machines.judgeStandIn.scored]
  expect(tried.length).toBeGreaterThan(0)
  await finish(start(machines, projectId))
  expect(machines.judgeStandIn.scored.filter((id) => tried.includes(id))).toEqual(tried)
})

test('an edited row is judged again by the judge of its own, without the teacher; one that gives no scores is refused', async () => {
  const { machines, projectId } = await begin()
  const run = await finish(start(machines, projectId))
  const [row] = (await listRows(machines.db, projectId, run.id)).filter(({ status }) => status === 'kept')
  await editRow(machines, { projectId, rowId: row!.id, prompt: row!.prompt, completion: 'A text by hand.' })
  const judge = (description: typeof OTHER) =>
    finish(
      judgeEdited(
        machines,
        { projectId, run, rowIds: [row!.id], judge: description },
        new AbortController().signal,
      ),
    )
  const judged = await judge(OTHER)
  expect(judged.ok && judged.value[0]?.edit?.verdicts?.[0]?.verdict.judge.name).toBe('Other')
  expect(machines.standIn.scored).toEqual([])
  const mute = { ...OTHER, capabilities: { ...ALL_CAPABILITIES, scores: false } }
  expect(await judge(mute)).toMatchObject({ ok: false, problems: [{ sentence: /Other cannot judge/ }] })
})
