import 'fake-indexeddb/auto'
import { strToU8, unzipSync, zipSync, type Zippable } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hashOfBytes } from '../../src/domain/hash.ts'
import type { DatasetId, ProjectId, RunId, StudentId } from '../../src/domain/id.ts'
import type { Student } from '../../src/domain/student.ts'
import { makeSmallWeights, SMALL } from '../../src/engine/checks/small.ts'
import { writeCheckpoint } from '../../src/engine/training/checkpoint.ts'
import { initialState } from '../../src/engine/training/trainer.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'
import { checkpointFiles, LAST_CHECKPOINT } from '../../src/storage/files.ts'
import { holdLock, STORING_LOCK } from '../../src/storage/locks.ts'
import { eachRecord, putRecords, removeOrphans } from '../../src/storage/project-contents.ts'
import { getProject, listProjects, putProject } from '../../src/storage/projects.ts'
import { readRecord, RECORDS } from '../../src/storage/records.ts'
import { listRows } from '../../src/storage/rows.ts'
import { listRuns } from '../../src/storage/runs.ts'
import { PROJECT_STORES, type ProjectStore } from '../../src/storage/schema.ts'
import { listStudents } from '../../src/storage/students.ts'
import { RECORD_VERSION, upgradeRecord } from '../../src/storage/upgrades/index.ts'
import { openProject, type Opened } from '../../workers/corpus/open-project.ts'
import { SAVED_STORES } from '../../workers/corpus/project-file.ts'
import { saveProject } from '../../workers/corpus/save-project.ts'
import { installLocks, Locks } from '../stand-ins/locks.ts'
import { installPrivateFiles, PrivateFiles } from '../stand-ins/private-files.ts'
import * as old from '../stand-ins/project-of-0.1.ts'
import { makeSeed, storeSampleProject } from '../stand-ins/sample-project.ts'

const NOW = 1_760_000_000_000
let db: Database
let uninstall: () => void
let files: PrivateFiles
let databases = 0

beforeEach(async () => {
  db = await openDatabase(`project file ${databases++}`)
  files = new PrivateFiles()
  uninstall = installPrivateFiles(files)
})
afterEach(() => {
  db.close()
  uninstall()
})

const makeCall = (
  signal = new AbortController().signal,
): Call<{ done: number; total: number }> & { events: { done: number; total: number }[] } => {
  const events: { done: number; total: number }[] = []
  return { signal, emit: (event) => void events.push(event), events }
}
const save = async (projectId: ProjectId, call = makeCall()): Promise<Uint8Array<ArrayBuffer>> =>
  (await saveProject(db, { projectId }, call, NOW)).value.bytes as Uint8Array<ArrayBuffer>
const open = (bytes: Uint8Array<ArrayBuffer>, call = makeCall()): Promise<Opened> =>
  openProject(db, { file: new File([bytes], 'mine.retort.zip') }, call, NOW)

/** A checkpoint of the smallest student. */
function makeCheckpoint(): Uint8Array<ArrayBuffer> {
  const weights = makeSmallWeights(SMALL)
  return new Uint8Array(
    writeCheckpoint({
      shape: SMALL,
      state: { ...initialState(weights), step: 20 },
      cursor: { epoch: 1, next: 0, random: [1, 2, 3, 4] },
      tokenizer: { json: '{}', config: '{}' },
      losses: [],
      about: '',
    }),
  )
}

/** All records of a project without its id, so that two projects can be compared. */
async function contentsOf(projectId: ProjectId): Promise<Record<string, unknown[]>> {
  const contents: Record<string, unknown[]> = {}
  for (const store of PROJECT_STORES) {
    const records = (contents[store] ??= [])
    for await (const page of eachRecord(db, store, projectId))
      for (const { projectId: id, ...record } of page) {
        expect(id).toBe(projectId)
        records.push(record)
      }
  }
  return contents
}
const countBy = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    [...new Set(names)].map((name) => [name, names.filter((other) => other === name).length]),
  )
const countAll = async (): Promise<number> => {
  const counts = await Promise.all(['projects' as const, ...PROJECT_STORES].map((store) => db.count(store)))
  return counts.reduce((sum, count) => sum + count, 0)
}
/** The file with some of its entries changed; undefined removes one. */
function alter(
  bytes: Uint8Array,
  changes: Readonly<Record<string, string | Uint8Array | undefined>>,
): Uint8Array<ArrayBuffer> {
  const entries: Zippable = unzipSync(bytes)
  for (const [name, contents] of Object.entries(changes)) {
    if (contents === undefined) delete entries[name]
    else entries[name] = typeof contents === 'string' ? strToU8(contents) : contents
  }
  return zipSync(entries)
}
const entryText = (bytes: Uint8Array, name: string): string =>
  new TextDecoder().decode(unzipSync(bytes)[name])

async function expectRefused(bytes: Uint8Array<ArrayBuffer>, sentence: RegExp): Promise<void> {
  const before = await countAll()
  const bytesBefore = files.bytes
  const opened = await open(bytes)
  expect(opened.ok).toBe(false)
  if (opened.ok) return
  expect(opened.problems.map((problem) => problem.sentence).join(' ')).toMatch(sentence)
  expect(opened.problems[0]?.sentence).toMatch(
    /^mine\.retort\.zip cannot be opened as a project: .*\. Nothing was stored\.$/,
  )
  expect(await countAll()).toBe(before)
  expect(files.bytes).toBe(bytesBefore)
}

describe('a project file', () => {
  test('opens with equal contents under a new id and a free name, and keeps the dataset’s id', async () => {
    const { project, dataset, student } = await storeSampleProject(db)
    await checkpointFiles.write(
      project.id,
      student.id,
      'checkpoint.bin',
      Uint8Array.from({ length: 70_000 }, (_none, i) => i * 7),
    )
    await checkpointFiles.write(project.id, student.id, 'before.bin', Uint8Array.of(5))
    await checkpointFiles.write(project.id, student.id, LAST_CHECKPOINT, makeCheckpoint())
    const saving = makeCall()
    const bytes = await save(project.id, saving)
    const opening = makeCall()
    const opened = await open(bytes, opening)
    expect(opened).toMatchObject({ ok: true, name: 'Sample 2' })
    if (!opened.ok) return
    expect(opened.projectId).not.toBe(project.id)
    expect(await contentsOf(opened.projectId)).toEqual(await contentsOf(project.id))
    expect(await getProject(db, opened.projectId)).toEqual({
      ...project,
      id: opened.projectId,
      name: 'Sample 2',
      changedAt: NOW,
    })
    expect((await contentsOf(opened.projectId))['datasets']).toMatchObject([{ id: dataset.id }])
    expect(await checkpointFiles.read(opened.projectId, student.id, 'checkpoint.bin')).toEqual(
      await checkpointFiles.read(project.id, student.id, 'checkpoint.bin'),
    )
    expect(await checkpointFiles.read(opened.projectId, student.id, 'before.bin')).toEqual(Uint8Array.of(5))
    for (const { events } of [saving, opening]) {
      expect(events.every(({ done }, i) => done >= (events[i - 1]?.done ?? 0))).toBe(true)
      expect(events.at(-1)?.done).toBe(events.at(-1)?.total)
    }
  })

  test('is a zip file with an entry for every store', async () => {
    const { project } = await storeSampleProject(db, { name: 'Über: Äpfel/Birnen' })
    const saved = (await saveProject(db, { projectId: project.id }, makeCall(), NOW)).value
    expect(saved).toMatchObject({ name: 'Über_-Äpfel_Birnen.retort.zip', mime: 'application/zip' })
    const entries = unzipSync(saved.bytes)
    expect(new Set(Object.keys(entries))).toEqual(
      new Set(['retort.json', ...PROJECT_STORES.map((store) => `${store}.jsonl`)]),
    )
    expect(new Set(SAVED_STORES)).toEqual(new Set(PROJECT_STORES))
  })

  test('opens after another program repacked it in another order with extra entries', async () => {
    const { project, student } = await storeSampleProject(db)
    await checkpointFiles.write(project.id, student.id, LAST_CHECKPOINT, makeCheckpoint())
    const entries = Object.entries(unzipSync(await save(project.id))).toReversed()
    const repacked = zipSync(
      { '__MACOSX/._retort.json': strToU8('x'), ...Object.fromEntries(entries) },
      { level: 9 },
    )
    const opened = await open(repacked)
    expect(opened.ok && (await contentsOf(opened.projectId))).toEqual(await contentsOf(project.id))
  })

  test('can contain an empty project, which keeps its name if that is free', async () => {
    const project = { id: 'abcdef0123456789' as ProjectId, name: 'Nothing yet', createdAt: 1, changedAt: 2 }
    await putProject(db, project)
    const bytes = await save(project.id)
    await db.delete('projects', project.id)
    expect(await open(bytes)).toMatchObject({ ok: true, name: 'Nothing yet' })
  })

  test('keeps a loss of NaN', async () => {
    const { project, student } = await storeSampleProject(db)
    await db.put('students', { ...student, points: [{ step: 1, train: Number.NaN }] })
    const opened = await open(await save(project.id))
    expect(opened.ok && (await db.get('students', [opened.projectId, student.id]))?.points).toEqual([
      { step: 1, train: Number.NaN },
    ])
  })

  test('is written and read in chunks with 5,000 rows', async () => {
    const { project } = await storeSampleProject(db, { seeds: 50, rows: 5_000 })
    const call = makeCall()
    const bytes = await save(project.id, call)
    expect(call.events.length).toBeGreaterThan(10)
    const opened = await open(bytes)
    expect(
      opened.ok && (await db.count('rows', IDBKeyRange.bound([opened.projectId], [opened.projectId, []]))),
    ).toBe(5_000)
    expect(opened.ok && (await contentsOf(opened.projectId))['rows']?.slice(0, 50)).toEqual(
      (await contentsOf(project.id))['rows']?.slice(0, 50),
    )
  }, 120_000)

  test('is not made of a missing project', async () => {
    await expect(save('abcdef0123456789' as ProjectId)).rejects.toThrow(/no longer stored/)
  })
})

describe('an invalid project file', () => {
  test('is refused with the reason, and nothing is stored', async () => {
    const { project, dataset, student } = await storeSampleProject(db)
    await checkpointFiles.write(project.id, student.id, 'checkpoint.bin', new Uint8Array(5000).fill(3))
    const good = await save(project.id)
    const rows = entryText(good, 'rows.jsonl')
    const manifest = entryText(good, 'retort.json')
    const alterStudents = (from: string | RegExp, to: string): Uint8Array<ArrayBuffer> =>
      alter(good, { 'students.jsonl': entryText(good, 'students.jsonl').replace(from, to) })
    const cases: readonly (readonly [Uint8Array<ArrayBuffer>, RegExp])[] = [
      [new Uint8Array(), /it is empty/],
      [strToU8('GGUF and then something else'), /not a zip file, or it is truncated/],
      [good.slice(0, -1), /not a zip file, or it is truncated/],
      [good.slice(0, good.length / 2), /not a zip file, or it is truncated/],
      [zipSync({ 'a.txt': strToU8('a') }), /not a saved project: it has no retort\.json/],
      [alter(good, { 'retort.json': 'not JSON' }), /not a saved project/],
      [alter(good, { 'retort.json': '{"format":"retort-project"}' }), /retort\.json has no version/],
      [
        alter(good, {
          'retort.json': manifest.replace(`"version":${RECORD_VERSION}`, `"version":${RECORD_VERSION + 1}`),
        }),
        /newer version of this page/,
      ],
      [alter(good, { 'retort.json': manifest.replace('"name":"Sample"', '"name":""') }), /`name` is invalid/],
      [
        alter(good, { 'rows.jsonl': rows.replace('"status":"dropped"', '"status":"gone"') }),
        /rows\.jsonl line \d+: `status`/,
      ],
      [alter(good, { 'rows.jsonl': `${rows}{"half": ` }), /rows\.jsonl line 11: it is not a record/],
      [alter(good, { 'rows.jsonl': rows + rows.split('\n')[0] }), /line 11: it is a duplicate/],
      [alter(good, { 'rows.jsonl': new Uint8Array([0x7b, 0xff, 0xfe]) }), /not UTF-8/],
      [
        alter(good, { 'rows.jsonl': rows.replaceAll(project.id, 'ffffffffffffffffffffffff') }),
        /line 1: it belongs to another project/,
      ],
      [alter(good, { 'runs.jsonl': undefined }), /its run is missing/],
      [
        alter(good, { 'seeds.jsonl': entryText(good, 'seeds.jsonl').replace('Seed 0', 'Seed zero') }),
        /its id does not match its text/,
      ],
      [
        alter(good, { 'datasetRows.jsonl': undefined }),
        new RegExp(`the rows of dataset ${dataset.id.slice(0, 8)} are missing`),
      ],
      [
        alter(good, {
          'datasetRows.jsonl': entryText(good, 'datasetRows.jsonl').replace('An answer', 'Another answer'),
        }),
        /do not match its id/,
      ],
      [
        alter(good, {
          'datasetRows.jsonl': entryText(good, 'datasetRows.jsonl').split('\n').slice(1).join('\n'),
        }),
        /an earlier row is missing/,
      ],
      [alter(good, { 'students.jsonl': undefined, 'comparisons.jsonl': undefined }), /belongs to no student/],
      [
        alterStudents('"loss":"teacher-text"', '"loss":"of-the-future"'),
        /students\.jsonl line 1: this version does not know the training objective "of-the-future"/,
      ],
      [
        alterStudents('"labelSmoothing":0', '"labelSmoothing":"none"'),
        /its setting labelSmoothing cannot be "none"/,
      ],
      [alterStudents('"loss":', '"rank":{},"loss":'), /students\.jsonl line 1: `settings/],
      [
        alterStudents('"loss":', `${Array.from({ length: 100 }, (_, i) => `"more${i}":1,`).join('')}"loss":`),
        /at most 100 settings/,
      ],
    ]
    for (const [bytes, sentence] of cases) await expectRefused(bytes, sentence)
  })

  test('is refused if a byte was changed', async () => {
    const { project, student } = await storeSampleProject(db)
    await checkpointFiles.write(
      project.id,
      student.id,
      'checkpoint.bin',
      Uint8Array.from({ length: 5000 }, (_none, i) => i),
    )
    const good = await save(project.id)
    const at = good.findIndex(
      (_byte, i) => i > 100 && good[i] === 200 && good[i + 1] === 201 && good[i + 2] === 202,
    )
    expect(at).toBeGreaterThan(0)
    const changed = good.slice()
    changed[at] = 0
    await expectRefused(changed, /checkpoint\.bin” is damaged/)
  })

  test('is refused before unpacking if it would fill the disk or the memory', async () => {
    const bomb = new Uint8Array(120_000_000).fill(32)
    const { project } = await storeSampleProject(db)
    const good = await save(project.id)
    await expectRefused(alter(good, { 'rows.jsonl': bomb }), /unpacks to far more than a project can contain/)
    // The same, with a directory that declares fewer bytes.
    const misdeclared = alter(good, { 'rows.jsonl': bomb.subarray(0, 40_000_000) })
    const view = new DataView(misdeclared.buffer)
    const size =
      misdeclared.findIndex(
        (_byte, i) =>
          i > good.length / 4 &&
          i + 4 <= misdeclared.length &&
          view.getUint32(i, true) === 0x02014b50 &&
          readName(misdeclared, i) === 'rows.jsonl',
      ) + 24
    view.setUint32(size, 1000, true)
    await expectRefused(misdeclared, /unpacks to more than it declares/)
    uninstall()
    uninstall = installPrivateFiles(files, { quota: 10_000, usage: 9_000 })
    await expectRefused(good, /this browser has 1 MB left for the page/)
  })

  test('never makes the reader throw, whatever bytes are changed, removed or inserted', async () => {
    const { project, student } = await storeSampleProject(db, { seeds: 3, rows: 5 })
    await checkpointFiles.write(project.id, student.id, 'checkpoint.bin', new Uint8Array(300).fill(9))
    const good = await save(project.id)
    const before = await countAll()
    let random = 12_345
    const next = (below: number): number =>
      (random = (random * 1_103_515_245 + 12_345) % 2_147_483_648) % below
    let refused = 0
    for (let i = 0; i < 300; i++) {
      const bytes = [...good]
      for (let n = 1 + next(4); n > 0; n--) {
        const at = next(3) === 0 ? bytes.length - 1 - next(Math.min(bytes.length, 900)) : next(bytes.length)
        const kind = next(4)
        if (kind === 0) bytes.splice(at, 1 + next(200))
        else if (kind === 1) bytes.splice(at, 0, ...Array.from({ length: next(50) }, () => next(256)))
        else bytes[at] = next(256)
      }
      const opened = await open(Uint8Array.from(bytes))
      if (opened.ok) {
        await db.delete('projects', opened.projectId)
        for (const left of await removeOrphans(db)) await checkpointFiles.remove(left)
      } else {
        refused += 1
        expect(opened.problems[0]?.sentence).toMatch(/Nothing was stored\.$/)
      }
      expect(await countAll()).toBe(before)
    }
    expect(refused).toBeGreaterThan(200)
  }, 120_000)
})

describe('a project file whose student has no usable checkpoint', () => {
  /** The student as stored after the file was opened without, or with another, checkpoint; everything else must be equal. */
  async function openWith(contents: Uint8Array | undefined): Promise<Student | undefined> {
    const { project, student } = await storeSampleProject(db)
    await checkpointFiles.write(project.id, student.id, LAST_CHECKPOINT, makeCheckpoint())
    const entry = `students/${student.id}/${LAST_CHECKPOINT}`
    const good = await save(project.id)
    expect(Object.keys(unzipSync(good))).toContain(entry)
    const opened = await open(alter(good, { [entry]: contents }))
    if (!opened.ok) return expect.fail(JSON.stringify(opened.problems))
    const [before, after] = [await contentsOf(project.id), await contentsOf(opened.projectId)]
    expect({ ...after, students: [] }).toEqual({ ...before, students: [] })
    const [found] = await listStudents(db, opened.projectId)
    expect(found?.points).toEqual(student.points)
    expect(found?.samples).toEqual(student.samples)
    expect(await checkpointFiles.read(opened.projectId, student.id, LAST_CHECKPOINT)).toBeUndefined()
    return found
  }

  test.each([
    ['it is missing', undefined, /In the project file, the checkpoint with its weights is missing/],
    ['it is of random bytes', new Uint8Array(5000).fill(3), /In the project file, .+/],
    ['it is cut', makeCheckpoint().slice(0, 100), /In the project file, .+/],
  ])('opens with everything else, and reports the student: %s', async (_, contents, reason) => {
    expect(await openWith(contents)).toMatchObject({
      status: 'failed',
      checkpointStep: 0,
      reason: expect.stringMatching(reason) as string,
    })
  })

  test('a student that never reached a checkpoint stays as it was', async () => {
    const { project, student } = await storeSampleProject(db)
    await putRecords(db, 'students', [{ ...student, status: 'stopped', checkpointStep: 0 }])
    const opened = await open(await save(project.id))
    if (!opened.ok) return expect.fail(JSON.stringify(opened.problems))
    expect(await listStudents(db, opened.projectId)).toMatchObject([{ status: 'stopped' }])
  })
})

describe('a project file of version 1', () => {
  test('opens with every record valid and under today’s names', async () => {
    const opened = await openProject(db, { file: old.makeFile() }, makeCall(), NOW)
    if (!opened.ok) return expect.fail(JSON.stringify(opened.problems))
    const { projectId } = opened
    expect(await getProject(db, projectId)).toEqual({ ...old.PROJECT, id: projectId, changedAt: NOW })
    for (const [store, records] of Object.entries(await contentsOf(projectId))) {
      const name = store as ProjectStore
      expect(records, store).toHaveLength(old.SUMMARY.counts[name] ?? 0)
      expect(new Set(records), store).toEqual(
        new Set(
          old.readRecords(name).map((record) => {
            const { projectId: _, ...fields } = upgradeRecord(name, record, 1) as { projectId: string }
            return fields
          }),
        ),
      )
      for (const record of records)
        expect(readRecord(RECORDS[name], { ...(record as object), projectId }), store).toMatchObject({
          ok: true,
        })
    }
  })

  test('has the runs, rows, students and files that version 0.1 reported', async () => {
    const opened = await openProject(db, { file: old.makeFile() }, makeCall(), NOW)
    if (!opened.ok) return expect.fail(JSON.stringify(opened.problems))
    const { projectId } = opened
    const runs = await listRuns(db, projectId)
    expect(runs.map(({ id, status }) => ({ id, status }))).toEqual(
      old.SUMMARY.runs.map(({ id, status }) => ({ id, status })),
    )
    for (const { id, rows: count, byStatus, byDrop } of old.SUMMARY.runs) {
      const rows = await listRows(db, projectId, id as RunId)
      expect(rows).toHaveLength(count)
      const { asked: pending, ...statuses } = byStatus
      expect(countBy(rows.map(({ status }) => status))).toEqual(
        pending === undefined ? statuses : { ...statuses, pending },
      )
      expect(countBy(rows.flatMap(({ droppedBy }) => droppedBy ?? []))).toEqual(byDrop)
      for (const { id: edited, edit } of old.SUMMARY.editedByHand)
        for (const row of rows.filter((one) => one.id === edited)) expect(row.edit).toEqual(edit)
    }
    const students = await listStudents(db, projectId)
    expect(students).toHaveLength(3)
    for (const { id, status, checkpointStep } of old.SUMMARY.students)
      expect(students.find((student) => student.id === id)).toMatchObject({ status, checkpointStep })
    const [dataset] = old.SUMMARY.datasets
    expect(
      (await listDatasetRows(db, projectId, dataset?.id as DatasetId)).map(
        ({ split, rowId }) => `${split} ${rowId}`,
      ),
    ).toEqual(dataset?.rowIds)
    for (const [student, bytes] of old.readCheckpoints())
      expect(
        hashOfBytes(
          (await checkpointFiles.read(projectId, student as StudentId, 'last.checkpoint')) ??
            new Uint8Array(),
        ),
      ).toBe(hashOfBytes(bytes))
  })

  test('is saved as today’s version, with equal contents', async () => {
    const opened = await openProject(db, { file: old.makeFile() }, makeCall(), NOW)
    if (!opened.ok) return expect.fail(JSON.stringify(opened.problems))
    const bytes = await save(opened.projectId)
    expect(JSON.parse(entryText(bytes, 'retort.json'))).toMatchObject({ version: RECORD_VERSION })
    const again = await open(bytes)
    expect(again.ok && (await contentsOf(again.projectId))).toEqual(await contentsOf(opened.projectId))
  })

  test('is refused if a record is invalid even after the upgrade', async () => {
    const bytes = new Uint8Array(await old.makeFile().arrayBuffer())
    const rows = entryText(bytes, 'rows.jsonl')
    for (const [from, to, problem] of [
      ['"status":"asked"', '"status":"waiting"', /rows\.jsonl line \d+: `status` is invalid/],
      ['"ending":"end"', '"finish":"end"', /rows\.jsonl line 1: `completion\.finishReason` is invalid/],
      ['"answers":[', '"answer":[', /rows\.jsonl line 1: `decisions` is invalid/],
    ] as const)
      await expectRefused(alter(bytes, { 'rows.jsonl': rows.replace(from, to) }), problem)
  })

  test('is refused if it claims version 2 with records of version 1', async () => {
    const bytes = new Uint8Array(await old.makeFile().arrayBuffer())
    const manifest = entryText(bytes, 'retort.json').replace('"version":1', '"version":2')
    await expectRefused(alter(bytes, { 'retort.json': manifest }), /is invalid/)
  })
})

describe('opening a project file', () => {
  test('waits while another tab stores or tidies, and can be stopped meanwhile', async () => {
    const { project } = await storeSampleProject(db)
    const good = await save(project.id)
    installLocks(new Locks())
    const release = await holdLock(STORING_LOCK)
    const stopped = new AbortController()
    const waiting = open(good)
    const stoppedWaiting = open(good, makeCall(stopped.signal))
    stopped.abort()
    await expect(stoppedWaiting).rejects.toMatchObject({ name: 'AbortError' })
    expect(await listProjects(db)).toHaveLength(1)
    release?.()
    expect(await waiting).toMatchObject({ ok: true })
    expect(await listProjects(db)).toHaveLength(2)
  })

  test('removes what it stored if the disk is full, and reports it', async () => {
    const { project, student } = await storeSampleProject(db)
    await checkpointFiles.write(project.id, student.id, 'a.bin', new Uint8Array(50_000))
    await checkpointFiles.write(project.id, student.id, 'b.bin', new Uint8Array(50_000))
    const good = await save(project.id)
    const before = await countAll()
    const bytesBefore = files.bytes
    files.writesLeft = 1
    await expect(open(good)).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(
        /^The project “Sample 2” could not be stored.*Everything stored before is safe/,
      ),
    })
    expect(await countAll()).toBe(before)
    expect(files.bytes).toBe(bytesBefore)
  })

  test('removes what it stored if it is stopped at any moment', async () => {
    const { project } = await storeSampleProject(db)
    const good = await save(project.id)
    const before = await countAll()
    const whole = makeCall()
    const first = await open(good, whole)
    expect(first.ok).toBe(true)
    const after = await countAll()
    expect(after).toBeGreaterThan(before)
    for (let moment = 0; moment < whole.events.length; moment++) {
      const controller = new AbortController()
      let count = 0
      const call = { signal: controller.signal, emit: () => void (count++ === moment && controller.abort()) }
      await expect(
        openProject(db, { file: new File([good], 'mine.retort.zip') }, call, NOW),
      ).rejects.toMatchObject({ name: 'AbortError' })
      expect(await countAll()).toBe(after)
    }
    expect(await listProjects(db)).toHaveLength(2)
  })

  test('removes what a crash left of an earlier opening, and nothing else', async () => {
    const { project } = await storeSampleProject(db)
    const good = await save(project.id)
    const contents = await contentsOf(project.id)
    const lost = 'eeeeeeeeeeeeeeeeeeeeeeee' as ProjectId
    await putRecords(db, 'seeds', [makeSeed(lost, 'Left behind', 1)])
    const opened = await open(good)
    expect(opened.ok).toBe(true)
    expect(await db.count('seeds', IDBKeyRange.bound([lost], [lost, []]))).toBe(0)
    expect(await contentsOf(project.id)).toEqual(contents)
  })
})

const readName = (bytes: Uint8Array, at: number): string =>
  new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + (bytes[at + 28] ?? 0)))
