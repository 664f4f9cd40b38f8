import 'fake-indexeddb/auto'
import { strToU8, unzipSync, zipSync, type Zippable } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ProjectId } from '../../src/domain/id.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { checkpointFiles } from '../../src/storage/files.ts'
import { eachRecord, removeOrphans } from '../../src/storage/project-contents.ts'
import { getProject, listProjects, putProject } from '../../src/storage/projects.ts'
import { PROJECT_STORES } from '../../src/storage/schema.ts'
import { putSeeds } from '../../src/storage/seeds.ts'
import { openProject, type Opened } from '../../workers/corpus/open-project.ts'
import { SAVED_STORES } from '../../workers/corpus/project-file.ts'
import { saveProject } from '../../workers/corpus/save-project.ts'
import { installPrivateFiles, PrivateFiles } from '../stand-ins/private-files.ts'
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

const calling = (
  signal = new AbortController().signal,
): Call<{ done: number; total: number }> & { told: { done: number; total: number }[] } => {
  const told: { done: number; total: number }[] = []
  return { signal, emit: (event) => void told.push(event), told }
}
const save = async (projectId: ProjectId, call = calling()): Promise<Uint8Array<ArrayBuffer>> =>
  (await saveProject(db, { projectId }, call, NOW)).value.bytes as Uint8Array<ArrayBuffer>
const open = (bytes: Uint8Array<ArrayBuffer>, call = calling()): Promise<Opened> =>
  openProject(db, { file: new File([bytes], 'mine.retort.zip') }, call, NOW)

/** All that a project has, without its id, so that two can be compared. */
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
const countAll = async (): Promise<number> => {
  const counts = await Promise.all(['projects' as const, ...PROJECT_STORES].map((store) => db.count(store)))
  return counts.reduce((sum, count) => sum + count, 0)
}
/** The file with some of its entries changed; undefined takes one out. */
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
    /^mine\.retort\.zip cannot be opened as a project: .*\. Nothing of it was stored\.$/,
  )
  expect(await countAll()).toBe(before)
  expect(files.bytes).toBe(bytesBefore)
}

describe('a project as a file', () => {
  test('comes back with equal contents under an id and a name of its own, and the dataset keeps its id', async () => {
    const { project, dataset, student } = await storeSampleProject(db)
    await checkpointFiles.write(
      project.id,
      student.id,
      'checkpoint.bin',
      Uint8Array.from({ length: 70_000 }, (_none, i) => i * 7),
    )
    await checkpointFiles.write(project.id, student.id, 'before.bin', new Uint8Array())
    const saving = calling()
    const bytes = await save(project.id, saving)
    const opening = calling()
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
    expect(await checkpointFiles.read(opened.projectId, student.id, 'before.bin')).toEqual(new Uint8Array())
    for (const { told } of [saving, opening]) {
      expect(told.every(({ done }, i) => done >= (told[i - 1]?.done ?? 0))).toBe(true)
      expect(told.at(-1)?.done).toBe(told.at(-1)?.total)
    }
  })

  test('is one that other zip readers open, with an entry for every store', async () => {
    const { project } = await storeSampleProject(db, { name: 'Über: Äpfel/Birnen' })
    const saved = (await saveProject(db, { projectId: project.id }, calling(), NOW)).value
    expect(saved).toMatchObject({ name: 'Über_-Äpfel_Birnen.retort.zip', mime: 'application/zip' })
    const entries = unzipSync(saved.bytes)
    expect(new Set(Object.keys(entries))).toEqual(
      new Set(['retort.json', ...PROJECT_STORES.map((store) => `${store}.jsonl`)]),
    )
    expect(new Set(SAVED_STORES)).toEqual(new Set(PROJECT_STORES))
  })

  test('opens from a zip file that another program packed again, in another order and with entries of its own', async () => {
    const { project } = await storeSampleProject(db)
    const entries = Object.entries(unzipSync(await save(project.id))).toReversed()
    const repacked = zipSync(
      { '__MACOSX/._retort.json': strToU8('x'), ...Object.fromEntries(entries) },
      { level: 9 },
    )
    const opened = await open(repacked)
    expect(opened.ok && (await contentsOf(opened.projectId))).toEqual(await contentsOf(project.id))
  })

  test('holds an empty project, and a lone one keeps its name', async () => {
    const project = { id: 'abcdef0123456789' as ProjectId, name: 'Nothing yet', createdAt: 1, changedAt: 2 }
    await putProject(db, project)
    const bytes = await save(project.id)
    await db.delete('projects', project.id)
    expect(await open(bytes)).toMatchObject({ ok: true, name: 'Nothing yet' })
  })

  test('keeps a loss that was no number as no number', async () => {
    const { project, student } = await storeSampleProject(db)
    await db.put('students', { ...student, points: [{ step: 1, train: Number.NaN }] })
    const opened = await open(await save(project.id))
    expect(opened.ok && (await db.get('students', [opened.projectId, student.id]))?.points).toEqual([
      { step: 1, train: Number.NaN },
    ])
  })

  test('of 5,000 rows is written and read in pieces', async () => {
    const { project } = await storeSampleProject(db, { seeds: 50, rows: 5_000 })
    const call = calling()
    const bytes = await save(project.id, call)
    expect(call.told.length).toBeGreaterThan(10)
    const opened = await open(bytes)
    expect(
      opened.ok && (await db.count('rows', IDBKeyRange.bound([opened.projectId], [opened.projectId, []]))),
    ).toBe(5_000)
    expect(opened.ok && (await contentsOf(opened.projectId))['rows']?.slice(0, 50)).toEqual(
      (await contentsOf(project.id))['rows']?.slice(0, 50),
    )
  }, 120_000)

  test('of a project that is not there is refused with a sentence', async () => {
    await expect(save('abcdef0123456789' as ProjectId)).rejects.toThrow(/not stored any more/)
  })
})

describe('a file that is no project', () => {
  test('is refused with what is wrong, and nothing is stored', async () => {
    const { project, dataset, student } = await storeSampleProject(db)
    await checkpointFiles.write(project.id, student.id, 'checkpoint.bin', new Uint8Array(5000).fill(3))
    const good = await save(project.id)
    const rows = entryText(good, 'rows.jsonl')
    const manifest = entryText(good, 'retort.json')
    const cases: readonly (readonly [Uint8Array<ArrayBuffer>, RegExp])[] = [
      [new Uint8Array(), /it is empty/],
      [strToU8('GGUF and then something else'), /no zip file, or it was cut off/],
      [good.slice(0, -1), /no zip file, or it was cut off/],
      [good.slice(0, good.length / 2), /no zip file, or it was cut off/],
      [zipSync({ 'a.txt': strToU8('a') }), /no saved project: retort\.json is missing/],
      [alter(good, { 'retort.json': 'not JSON' }), /no saved project/],
      [alter(good, { 'retort.json': '{"format":"retort-project"}' }), /names no version/],
      [
        alter(good, { 'retort.json': manifest.replace('"version":1', '"version":2') }),
        /newer version of this page/,
      ],
      [
        alter(good, { 'retort.json': manifest.replace('"name":"Sample"', '"name":""') }),
        /`name` is not as it should be/,
      ],
      [
        alter(good, { 'rows.jsonl': rows.replace('"status":"dropped"', '"status":"gone"') }),
        /rows\.jsonl line \d+: `status`/,
      ],
      [alter(good, { 'rows.jsonl': `${rows}{"half": ` }), /rows\.jsonl line 11: it is no record/],
      [alter(good, { 'rows.jsonl': rows + rows.split('\n')[0] }), /line 11: it is there twice/],
      [alter(good, { 'rows.jsonl': new Uint8Array([0x7b, 0xff, 0xfe]) }), /not UTF-8/],
      [
        alter(good, { 'rows.jsonl': rows.replaceAll(project.id, 'ffffffffffffffffffffffff') }),
        /line 1: it belongs to another project/,
      ],
      [alter(good, { 'runs.jsonl': undefined }), /its run is missing/],
      [
        alter(good, { 'seeds.jsonl': entryText(good, 'seeds.jsonl').replace('Seed 0', 'Seed zero') }),
        /its id is not that of its text/,
      ],
      [
        alter(good, { 'datasetRows.jsonl': undefined }),
        new RegExp(`the rows of dataset ${dataset.id.slice(0, 8)} are missing`),
      ],
      [
        alter(good, {
          'datasetRows.jsonl': entryText(good, 'datasetRows.jsonl').replace('An answer', 'Another answer'),
        }),
        /not those it was named after/,
      ],
      [
        alter(good, {
          'datasetRows.jsonl': entryText(good, 'datasetRows.jsonl').split('\n').slice(1).join('\n'),
        }),
        /a row before it is missing/,
      ],
      [alter(good, { 'students.jsonl': undefined, 'comparisons.jsonl': undefined }), /belongs to no student/],
    ]
    for (const [bytes, sentence] of cases) await expectRefused(bytes, sentence)
  })

  test('is refused when a byte of it was changed', async () => {
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

  test('that would fill the disk or the memory is refused before it is unpacked', async () => {
    const bomb = new Uint8Array(120_000_000).fill(32)
    const { project } = await storeSampleProject(db)
    const good = await save(project.id)
    await expectRefused(alter(good, { 'rows.jsonl': bomb }), /unpacks to far more than a project is/)
    // The same, with a directory that declares less than there is.
    const lying = alter(good, { 'rows.jsonl': bomb.subarray(0, 40_000_000) })
    const view = new DataView(lying.buffer)
    const size =
      lying.findIndex(
        (_byte, i) =>
          i > good.length / 4 &&
          i + 4 <= lying.length &&
          view.getUint32(i, true) === 0x02014b50 &&
          readName(lying, i) === 'rows.jsonl',
      ) + 24
    view.setUint32(size, 1000, true)
    await expectRefused(lying, /unpacks to more than it declares/)
    uninstall()
    uninstall = installPrivateFiles(files, { quota: 10_000, usage: 9_000 })
    await expectRefused(good, /this browser has 1 MB left for the page/)
  })

  test('never makes the reader throw, whatever bytes are changed, taken out or put in', async () => {
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
        expect(opened.problems[0]?.sentence).toMatch(/Nothing of it was stored\.$/)
      }
      expect(await countAll()).toBe(before)
    }
    expect(refused).toBeGreaterThan(200)
  }, 120_000)
})

describe('the opening of a project file', () => {
  test('takes back what it stored when the disk gets full, and says so', async () => {
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
        /^The project “Sample 2” could not be stored.*All that was stored before is safe/,
      ),
    })
    expect(await countAll()).toBe(before)
    expect(files.bytes).toBe(bytesBefore)
  })

  test('takes back what it stored when it is stopped at any moment', async () => {
    const { project } = await storeSampleProject(db)
    const good = await save(project.id)
    const before = await countAll()
    const whole = calling()
    const first = await open(good, whole)
    expect(first.ok).toBe(true)
    const after = await countAll()
    expect(after).toBeGreaterThan(before)
    for (let moment = 0; moment < whole.told.length; moment++) {
      const controller = new AbortController()
      let told = 0
      const call = { signal: controller.signal, emit: () => void (told++ === moment && controller.abort()) }
      await expect(
        openProject(db, { file: new File([good], 'mine.retort.zip') }, call, NOW),
      ).rejects.toMatchObject({ name: 'AbortError' })
      expect(await countAll()).toBe(after)
    }
    expect(await listProjects(db)).toHaveLength(2)
  })

  test('clears away what a crash left of an earlier one, and nothing else', async () => {
    const { project } = await storeSampleProject(db)
    const good = await save(project.id)
    const contents = await contentsOf(project.id)
    const lost = 'eeeeeeeeeeeeeeeeeeeeeeee' as ProjectId
    await putSeeds(db, [makeSeed(lost, 'Left behind', 1)])
    const opened = await open(good)
    expect(opened.ok).toBe(true)
    expect(await db.count('seeds', IDBKeyRange.bound([lost], [lost, []]))).toBe(0)
    expect(await contentsOf(project.id)).toEqual(contents)
  })
})

const readName = (bytes: Uint8Array, at: number): string =>
  new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + (bytes[at + 28] ?? 0)))
