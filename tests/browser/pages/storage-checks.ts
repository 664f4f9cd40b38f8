// Knows: what is stored in a real browser: files in the origin-private file system and records in IndexedDB, in a worker,
// with room and on a full disk.
import { freshId, type ProjectId, type RowId, type StudentId } from '../../../src/domain/id.ts'
import type { Row } from '../../../src/domain/row.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { checkpointFiles, modelFiles, removeAll } from '../../../src/storage/files.ts'
import { findFolder, listFiles } from '../../../src/storage/folders.ts'
import { withLock } from '../../../src/storage/locks.ts'
import { countRecords } from '../../../src/storage/project-contents.ts'
import { deleteProject } from '../../../src/storage/projects.ts'
import { guardQuota } from '../../../src/storage/quota.ts'
import { listRows, putRows, updateRow, writeRows } from '../../../src/storage/rows.ts'
import { makePrompt, makeRow, makeSeed, storeSampleProject } from '../../stand-ins/sample-project.ts'
import { checkSame, checkThat, type Check } from './check.ts'

const bytesOf = (count: number, value = 7): Uint8Array<ArrayBuffer> => new Uint8Array(count).fill(value)
const nameOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (thrown: unknown) =>
      thrown instanceof Error || thrown instanceof DOMException ? thrown.name : String(thrown),
  )
const [project, student]: [ProjectId, StudentId] = [freshId('project'), freshId('student')]
/** Every file of a folder with its size, whatever its name. */
async function filesOf(path: readonly string[]): Promise<string[]> {
  const folder = await findFolder(path)
  return folder ? (await listFiles(folder)).map(({ name, size }) => `${name} ${size}`) : []
}
const modelsNow = async (): Promise<string[]> =>
  (await modelFiles.list()).map(({ name, bytes }) => `${name} ${bytes}`)

/** With room: written files exist, cancelled writes leave nothing, related records are deleted together. */
export async function runStorageChecks(): Promise<readonly Check[]> {
  await removeAll()
  return [...(await checkFiles()), ...(await checkRecords())]
}

async function checkFiles(): Promise<Check[]> {
  return [
    await checkThat('a model is copied in pieces', async () => {
      const reported: number[] = []
      await modelFiles.write('a/b.gguf', new Blob([bytesOf(20_000_000)]), {
        onProgress: (bytes) => reported.push(bytes),
      })
      return checkSame(
        'a model is copied in pieces',
        [reported, await modelsNow()],
        [[2 ** 23, 2 ** 24, 20_000_000], ['a_b.gguf 20000000']],
      )
    }),
    await checkThat('a copy that is stopped leaves the earlier model alone', async () => {
      const abort = new AbortController()
      const name = await nameOf(
        modelFiles.write('a/b.gguf', new Blob([bytesOf(20_000_000)]), {
          signal: abort.signal,
          onProgress: () => abort.abort(),
        }),
      )
      return checkSame(
        'a copy that is stopped leaves the earlier model alone',
        [name, await filesOf(['models'])],
        ['AbortError', ['a_b.gguf 20000000']],
      )
    }),
    await checkThat('a download resumes where it stopped', async () => {
      const first = await modelFiles.openPart('m.gguf', 0, 'v1')
      await first.append(bytesOf(100, 1))
      await first.close()
      const found = await modelFiles.findPart('m.gguf')
      const second = await modelFiles.openPart('m.gguf', 60, 'v1')
      await second.append(bytesOf(10, 2))
      await second.close()
      await modelFiles.finishPart('m.gguf')
      const whole = new Uint8Array(
        (await (await modelFiles.find('m.gguf'))?.arrayBuffer()) ?? new ArrayBuffer(),
      )
      return checkSame(
        'a download resumes where it stopped',
        [found, whole.length, whole[59], whole[60], await modelFiles.findPart('m.gguf')],
        [{ bytes: 100, tag: 'v1' }, 70, 1, 2, undefined],
      )
    }),
    await checkThat('a checkpoint is replaced whole, copied and removed', async () => {
      const other: ProjectId = freshId('project')
      await checkpointFiles.write(project, student, 'last', bytesOf(50, 1))
      await checkpointFiles.write(project, student, 'last', bytesOf(40, 2))
      await checkpointFiles.copy(project, other)
      await checkpointFiles.remove(project)
      const copied = await checkpointFiles.read(other, student, 'last')
      return checkSame(
        'a checkpoint is replaced whole, copied and removed',
        [await checkpointFiles.list(project, student), copied?.length, copied?.[39]],
        [[], 40, 2],
      )
    }),
    await checkThat('everything goes when everything is deleted', async () => {
      await removeAll()
      return checkSame(
        'everything goes when everything is deleted',
        [await filesOf(['models']), await findFolder(['students'])],
        [[], undefined],
      )
    }),
  ]
}

async function checkRecords(): Promise<Check[]> {
  const db = await openDatabase('storage checks')
  const { project: sample, run } = await storeSampleProject(db)
  const [first, second] = (await listRows(db, sample.id, run.id)) as [Row, Row]
  const order = async (): Promise<number[]> => (await listRows(db, sample.id, run.id)).map((row) => row.order)
  const untouched = await order()
  const checks = [
    await checkThat('rows with one that cannot be stored are not stored', async () => {
      const unclonable = { ...first, id: 'bad' as RowId, prompt: (() => '') as unknown as string }
      const name = await nameOf(putRows(db, [{ ...first, id: 'new' as RowId, order: 90 }, unclonable]))
      return checkSame(
        'rows with one that cannot be stored are not stored',
        [name, await order()],
        ['DataCloneError', untouched],
      )
    }),
    await checkThat('a change that throws rolls back the rows of the same call', async () => {
      const work = writeRows(
        db,
        sample.id,
        [{ ...first, id: 'new' as RowId, order: 90 }],
        new Map([
          [
            second.id,
            () => {
              throw new RangeError('a bad change')
            },
          ],
        ]),
      )
      return checkSame(
        'a change that throws rolls back the rows of the same call',
        [
          await nameOf(work),
          await nameOf(updateRow(db, sample.id, 'gone' as RowId, (row) => row)),
          await order(),
        ],
        ['RangeError', 'RangeError', untouched],
      )
    }),
    await checkThat('two tabs do not hold one lock', async () => {
      const outcome = await withLock('a run', 'the first tab', () =>
        withLock('a run', 'the second tab', async () => 1),
      )
      return checkSame('two tabs do not hold one lock', outcome, {
        held: true,
        value: { held: false, holder: 'the first tab' },
      })
    }),
    await checkThat('a project goes with all its records', async () => {
      await deleteProject(db, sample.id)
      return checkSame('a project goes with all its records', await countRecords(db, sample.id), 0)
    }),
  ]
  db.close()
  return checks
}

/** With 3 MB of storage: writes that do not fit leave nothing, and earlier records stay. */
export async function runFullDiskChecks(): Promise<readonly Check[]> {
  await removeAll()
  const db = await openDatabase('full disk checks')
  await modelFiles.write('small.gguf', new Blob([bytesOf(100_000)]))
  await checkpointFiles.write(project, student, 'last', bytesOf(100_000, 1))
  const { run, project: sample } = await storeSampleProject(db)
  const before = (await listRows(db, sample.id, run.id)).length
  const checks = [
    await checkThat('a model that does not fit leaves no part', async () => {
      const name = await nameOf(
        guardQuota('The model', () => modelFiles.write('large.gguf', new Blob([bytesOf(20_000_000)]))),
      )
      return checkSame(
        'a model that does not fit leaves no part',
        [name, await filesOf(['models'])],
        ['StorageFull', ['small.gguf 100000']],
      )
    }),
    await checkThat('a checkpoint that does not fit leaves the earlier one', async () => {
      const name = await nameOf(
        guardQuota('The checkpoint', () =>
          checkpointFiles.write(project, student, 'last', bytesOf(9_000_000, 2)),
        ),
      )
      const kept = await checkpointFiles.read(project, student, 'last')
      return checkSame(
        'a checkpoint that does not fit leaves the earlier one',
        [name, kept?.length, kept?.[0], await filesOf(['students', project, student])],
        ['StorageFull', 100_000, 1, ['last 100000']],
      )
    }),
    await checkThat('rows that do not fit are not stored, and the earlier ones stay', async () => {
      const seed = makeSeed(sample.id, 'A seed', 1)
      // Random, since repeated text is stored compressed.
      const noise = (): string =>
        Array.from(crypto.getRandomValues(new Uint8Array(20_000)), (byte) =>
          byte.toString(16).padStart(2, '0'),
        ).join('')
      const rows = Array.from({ length: 200 }, (_, i) => ({
        ...makeRow(run, makePrompt(run, seed, 100 + i), 100 + i),
        prompt: noise(),
      }))
      const name = await nameOf(guardQuota('The rows', () => putRows(db, rows)))
      return checkSame(
        'rows that do not fit are not stored, and the earlier ones stay',
        [name, (await listRows(db, sample.id, run.id)).length],
        ['StorageFull', before],
      )
    }),
  ]
  db.close()
  await removeAll()
  return checks
}
