// A connection that the browser closes (Safari does it to tabs in the background), and writes into projects that are gone.
import 'fake-indexeddb/auto'
import { forceCloseDatabase } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { freshId } from '../../src/domain/id.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { MIGRATIONS } from '../../src/storage/migrations/index.ts'
import { deleteProject, duplicateProject, listProjects } from '../../src/storage/projects.ts'
import { putRows, writeRows } from '../../src/storage/rows.ts'
import { patchRun } from '../../src/storage/runs.ts'
import { PROJECT_STORES } from '../../src/storage/schema.ts'
import { pageSeeds, putSeeds } from '../../src/storage/seeds.ts'
import { patchStudent, putStudent } from '../../src/storage/students.ts'
import { transact } from '../../src/storage/transactions.ts'
import { checkpointFiles } from '../../src/storage/files.ts'
import { makeSeed, storeProject, storeSampleProject } from '../stand-ins/sample-project.ts'
import { installPrivateFiles, PrivateFiles } from '../stand-ins/private-files.ts'

let databases = 0
let name: string
let db: Database
/** The connections opened in this test, the newest last. */
let opened: Parameters<typeof forceCloseDatabase>[0][]
beforeEach(async () => {
  opened = []
  const open = indexedDB.open.bind(indexedDB)
  vi.spyOn(indexedDB, 'open').mockImplementation((...args) => {
    const request = open(...args)
    request.addEventListener('success', () =>
      opened.push(request.result as object as (typeof opened)[number]),
    )
    return request
  })
  name = `connection ${databases++}`
  db = await openDatabase(name)
})
afterEach(() => {
  db.close()
  vi.restoreAllMocks()
})

/** What the browser does. */
const close = (): void => forceCloseDatabase(opened.at(-1)!)

describe('a connection that the browser closed', () => {
  test('is opened again once, and the read or write is repeated', async () => {
    const projectId = freshId('project')
    close()
    await storeProject(db, projectId)
    close()
    expect((await listProjects(db)).map(({ id }) => id)).toEqual([projectId])
    close()
    await putSeeds(db, [makeSeed(projectId, 'One', 1)])
    close()
    expect(await pageSeeds(db, projectId, { from: 0, limit: 5 })).toHaveLength(1)
    expect(opened).toHaveLength(5)
  })

  test('is opened once for calls at the same time', async () => {
    const projectId = freshId('project')
    await storeProject(db, projectId)
    close()
    await Promise.all([
      listProjects(db),
      putSeeds(db, [makeSeed(projectId, 'One', 1)]),
      putSeeds(db, [makeSeed(projectId, 'Two', 2)]),
    ])
    expect(opened).toHaveLength(2)
    expect(await db.count('seeds')).toBe(2)
  })

  test('repeats a transaction that was cut in the middle, which stored nothing', async () => {
    const projectId = freshId('project')
    await storeProject(db, projectId)
    let tries = 0
    const stored = await transact(db, ['seeds'], 'readwrite', async (transaction) => {
      await transaction.store.put(makeSeed(projectId, `Try ${++tries}`, tries))
      if (tries > 1) return transaction.store.count()
      close()
      transaction.abort() // as the browser does before it reports the end of the connection
      return transaction.store.count()
    })
    expect([tries, stored]).toEqual([2, 1])
    expect((await pageSeeds(db, projectId, { from: 0, limit: 5 })).map(({ text }) => text)).toEqual(['Try 2'])
  })

  test('is not opened a second time for one operation', async () => {
    const cut = transact(db, ['projects'], 'readwrite', async (transaction) => {
      close()
      transaction.abort()
      return transaction.store.count()
    })
    await expect(cut).rejects.toThrow()
    expect(opened).toHaveLength(2)
  })

  test('does not repeat a transaction whose own work failed', async () => {
    let tries = 0
    const failing = transact(db, ['projects'], 'readwrite', async () => {
      tries += 1
      throw new RangeError('a bad change')
    })
    await expect(failing).rejects.toThrow('a bad change')
    expect([tries, opened.length]).toEqual([1, 1])
  })

  test('stays closed after the page closed it itself', async () => {
    db.close()
    await expect(listProjects(db)).rejects.toThrow()
    expect(opened).toHaveLength(1)
  })

  test('fails with a sentence if a newer page upgraded the database meanwhile', async () => {
    const newer = await openDatabase(name, [...MIGRATIONS, () => undefined])
    newer.close()
    await expect(listProjects(db)).rejects.toMatchObject({
      name: 'StorageFailed',
      message: expect.stringMatching(/newer version of this page/),
    })
  })
})

test('nothing is written into a project that was deleted', async () => {
  const { project, run, rows, student } = await storeSampleProject(db)
  await deleteProject(db, project.id)
  const gone = { name: 'StorageFailed', message: expect.stringMatching(/no longer stored/) }
  await expect(putRows(db, rows)).rejects.toMatchObject(gone)
  await expect(writeRows(db, project.id, rows, new Map())).rejects.toMatchObject(gone)
  await expect(patchRun(db, project.id, run.id, { status: 'stopped' })).rejects.toMatchObject(gone)
  await expect(putStudent(db, student)).rejects.toMatchObject(gone)
  await expect(patchStudent(db, project.id, student.id, { status: 'trained' })).rejects.toMatchObject(gone)
  await expect(putSeeds(db, [makeSeed(project.id, 'One', 1)])).rejects.toMatchObject(gone)
  for (const store of PROJECT_STORES) expect(await db.count(store), store).toBe(0)
})

test('a copy that cannot be completed leaves neither records nor files', async () => {
  const files = new PrivateFiles()
  const uninstall = installPrivateFiles(files)
  const { project, student } = await storeSampleProject(db)
  await checkpointFiles.write(project.id, student.id, 'last.checkpoint', new Uint8Array(10))
  const whole = db.transaction.bind(db)
  vi.spyOn(db, 'transaction').mockImplementation(((names: string[], mode?: IDBTransactionMode) => {
    if (names.includes('rows') && mode === 'readwrite') throw new DOMException('full', 'QuotaExceededError')
    return whole(names as ['rows'], mode)
  }) as typeof db.transaction)
  await expect(duplicateProject(db, project.id, 'Copy', 5)).rejects.toThrow('full')
  expect(await db.count('projects')).toBe(1)
  expect(files.bytes).toBe(10)
  uninstall()
})
