// The work on projects of earlier versions continues: its paused run and its paused training resume, its rows freeze, its student generates.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compareStudents } from '../src/actions/students/compare-students.ts'
import { RunControl } from '../src/actions/control.ts'
import { freezeDataset } from '../src/actions/datasets/freeze-dataset.ts'
import { resumeRun } from '../src/actions/run/run-recipe.ts'
import { resumeStudent } from '../src/actions/students/train-student.ts'
import type { Dataset } from '../src/domain/dataset.ts'
import type { RunId, StudentId } from '../src/domain/id.ts'
import type { TeacherDescription } from '../src/domain/teacher-description.ts'
import { openDatabase } from '../src/storage/database.ts'
import { listDatasetRows, listDatasets } from '../src/storage/datasets.ts'
import { listDone } from '../src/storage/journal.ts'
import { listPrompts } from '../src/storage/prompts.ts'
import { listRows } from '../src/storage/rows.ts'
import { listRuns } from '../src/storage/runs.ts'
import { getStudent } from '../src/storage/students.ts'
import { finish, makeMachines, type TestMachines } from './stand-ins/machines.ts'
import { PROJECT, readCheckpoints, storeOldDatabase, SUMMARY } from './stand-ins/project-of-0.1.ts'
import { readSaved } from './stand-ins/saved-project.ts'
import { DESCRIPTION } from './stand-ins/teacher.ts'

const projectId = PROJECT.id
const idOf = (list: readonly { readonly id: string; readonly status: string }[], status: string): string =>
  list.find((one) => one.status === status)?.id ?? expect.fail(`nothing is ${status}`)
const paused = idOf(SUMMARY.runs, 'paused') as RunId
const finished = idOf(SUMMARY.runs, 'finished') as RunId

let databases = 0
let machines: TestMachines
beforeEach(async () => {
  const name = `earlier project ${databases++}`
  await storeOldDatabase(name)
  machines = await makeMachines({ db: await openDatabase(name), checkpoints: readCheckpoints() })
})
afterEach(() => machines.db.close())

/** The stand-in under the name and fingerprint of the teacher that wrote the run. */
async function describeTeacher(): Promise<TeacherDescription> {
  const run = (await listRuns(machines.db, projectId)).find(({ id }) => id === paused)
  return { ...DESCRIPTION, card: { ...DESCRIPTION.card, ...run?.teacher } }
}

describe('a project of version 0.1', () => {
  test('resumes its paused run without repeating a request', async () => {
    const { db, standIn } = machines
    const before = await listRows(db, projectId, paused)
    const prompts = await listPrompts(db, projectId, paused)
    const accepted = prompts.filter(({ status }) => status === 'accepted')
    expect(before.filter(({ status }) => status === 'pending').length).toBeGreaterThan(0)

    const run = await finish(
      resumeRun(machines, { projectId, runId: paused, teacher: await describeTeacher() }, new RunControl()),
    )
    expect(run.status).toBe('finished')
    expect(await listPrompts(db, projectId, paused)).toEqual(prompts)
    expect([...(await listDone(db, projectId, paused))].toSorted()).toEqual(['grown to 3', 'seeds added'])

    const rows = await listRows(db, projectId, paused)
    expect(rows.map(({ order }) => order)).toEqual(Array.from({ length: 2 * accepted.length }, (_, i) => i))
    expect(rows.map(({ status }) => status)).not.toContain('pending')
    for (const { id, completion } of before)
      expect(rows.find((row) => row.id === id)?.completion).toEqual(completion)
    expect(standIn.completed).toHaveLength(rows.length - before.length)
    for (const { id, status } of before) if (status === 'dropped') expect(standIn.scored).not.toContain(id)
  })

  test('resumes its paused training from the checkpoint', { timeout: 120_000 }, async () => {
    const { db } = machines
    const id = idOf(SUMMARY.students, 'paused') as StudentId
    const before = (await getStudent(db, projectId, id)) ?? expect.fail('no student')
    expect(before.checkpointStep).toBe(66)

    const sentences: string[] = []
    const student = await finish(
      resumeStudent(machines, { projectId, studentId: id }, new RunControl()),
      (progress) => sentences.push(progress.sentence),
    )
    expect(student).toMatchObject({ status: 'trained', checkpointStep: 200, settings: before.settings })
    expect(sentences.join(' ')).toMatch(/step 66/)
    expect(student.points.slice(0, before.points.length)).toEqual(before.points)
    expect(student.points[before.points.length]?.step).toBeGreaterThan(66)
    expect(student.points.at(-1)?.train).toBeLessThan((before.points.at(-1)?.train ?? 0) - 1)
  })

  test('freezes its finished run as the same rows, with the same counts, without the score of an edited row', async () => {
    const [stored] = await listDatasets(machines.db, projectId)
    const frozen = await finish(freezeDataset(machines, { projectId, runId: finished }))
    if (!frozen.ok || stored === undefined) return expect.fail(JSON.stringify(frozen))
    const rowsOf = ({ id }: Dataset) => listDatasetRows(machines.db, projectId, id)
    const before = await rowsOf(stored)
    expect(before.some(({ editedByHand, score }) => editedByHand && score !== undefined)).toBe(true)
    // Version 0.1 froze the score of the original text with an edited one.
    const expected = before.map(({ score, ...row }) =>
      row.editedByHand || score === undefined ? row : { ...row, score },
    )
    // The rows' ids come from their contents now; those of version 0.1 came from the run, and rows did not say who judged them.
    const withoutIds = (rows: readonly { readonly scores?: unknown }[]) =>
      rows.map(({ scores: _, ...row }) => ({ ...row, rowId: '' }))
    expect(withoutIds(await rowsOf(frozen.value))).toEqual(withoutIds(expected))
    const countsOf = ({ funnel }: Dataset) =>
      funnel.map(({ step, reached, passed, reasons }) => [
        step,
        reached,
        passed,
        reasons.map(({ count }) => count),
      ])
    expect(countsOf(frozen.value)).toEqual(countsOf(stored))
    const { rows, seeds, teacher } = stored
    expect(frozen.value).toMatchObject({ rows, seeds, teacher, rejectedByHand: 1 })
  })

  test('compares its trained student', async () => {
    const studentId = idOf(SUMMARY.students, 'trained') as StudentId
    const compared = await finish(
      compareStudents(machines, { projectId, studentId, teacher: await describeTeacher(), prompts: 3 }),
    )
    if (!compared.ok) return expect.fail(JSON.stringify(compared.problems))
    expect(compared.value.prompts).toHaveLength(3)
    for (const { texts } of compared.value.prompts) expect(texts.after).toMatch(/[a-z]{2} [a-z]{2}/)
  })
})

describe('a project of record version 3', () => {
  const {
    project,
    storeDatabase,
    readCheckpoints: readFiles,
    readRecords,
  } = readSaved('project-of-0.3.retort.zip')

  async function openSaved(): Promise<TestMachines> {
    const name = `version 3, ${databases++}`
    await storeDatabase(name, 5)
    return makeMachines({ db: await openDatabase(name), checkpoints: readFiles() })
  }

  test('keeps every verdict, and resumes its stopped run without repeating a call', async () => {
    const old = await openSaved()
    const runs = await listRuns(old.db, project.id)
    const stopped = runs.find(({ status }) => status === 'stopped') ?? expect.fail('no stopped run')
    const before = (await Promise.all(runs.map(({ id }) => listRows(old.db, project.id, id)))).flat()
    const saved = new Map(readRecords('rows').map((row) => [row['id'], row]))
    expect(before).toHaveLength(saved.size)
    for (const { id, verdicts, edit } of before) {
      const { verdict, edit: oldEdit } = saved.get(id) ?? {}
      expect(verdicts?.map((one) => one.verdict)).toEqual(verdict === undefined ? undefined : [verdict])
      expect(edit?.verdicts).toEqual(
        oldEdit === undefined ? undefined : [{ verdict: (oldEdit as { verdict: unknown }).verdict }],
      )
    }
    const rows = before.filter(({ runId }) => runId === stopped.id)
    const judged = rows.filter(({ verdicts }) => verdicts !== undefined)
    expect(judged.length).toBeGreaterThan(3)
    expect(judged.length).toBeLessThan(rows.length)

    const teacher = { ...DESCRIPTION, card: { ...DESCRIPTION.card, ...stopped.teacher } }
    const run = await finish(
      resumeRun(old, { projectId: project.id, runId: stopped.id, teacher }, new RunControl()),
    )
    expect(run.status).toBe('finished')
    const after = await listRows(old.db, project.id, stopped.id)
    expect(after.map(({ id, completion }) => [id, completion])).toEqual(
      rows.map(({ id, completion }) => [id, completion]),
    )
    expect(old.standIn.completed).toEqual([])
    for (const { id, verdicts } of judged) {
      expect(old.standIn.scored).not.toContain(id)
      expect(after.find((row) => row.id === id)?.verdicts).toEqual(verdicts)
    }
    expect(after.map(({ status }) => status)).not.toContain('pending')
    old.db.close()
  })

  test('freezes its finished run under the id that it had', async () => {
    const old = await openSaved()
    const [stored] = await listDatasets(old.db, project.id)
    const frozen = await finish(
      freezeDataset(old, { projectId: project.id, runId: stored?.runId ?? expect.fail('no dataset') }),
    )
    expect(frozen.ok && frozen.value.id).toBe(stored?.id)
    old.db.close()
  })
})
