// Knows: that a storage that never responds ends in a sentence in time, that nothing is half stored then, and that a model is used from memory.
import 'fake-indexeddb/auto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fetchWhole } from '../../workers/teachers/locate-model.ts'
import { freshId } from '../../src/domain/id.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { checkpointFiles, modelFiles } from '../../src/storage/files.ts'
import { DATABASE_LIMIT, FILE_LIMIT, OPEN_LIMIT } from '../../src/storage/response-limit.ts'
import { countSeeds } from '../../src/storage/seeds.ts'
import { transact } from '../../src/storage/transactions.ts'
import { installPrivateFiles, PrivateFiles } from '../stand-ins/private-files.ts'
import { makeSeed, storeProject } from '../stand-ins/sample-project.ts'

const SILENT =
  /^The browser’s storage did not respond for .+ Everything stored before is safe\. Close other tabs/
const hang = (): Promise<never> => new Promise(() => undefined)
/** A request to which nothing ever happens. */
const deadRequest = (): never =>
  Object.assign(Object.create(IDBOpenDBRequest.prototype), {
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as never

let databases = 0
let db: Database
beforeEach(async () => {
  db = await openDatabase(`response limit ${databases++}`)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  db.close()
})

/** The error with which work ends after this many milliseconds; undefined if it has not ended. */
async function failureAfter(ms: number, work: Promise<unknown>): Promise<unknown> {
  let thrown: unknown
  work.catch((reason: unknown) => (thrown = reason))
  await vi.advanceTimersByTimeAsync(ms)
  return thrown
}

describe('a database that does not respond', () => {
  test('ends a read with a sentence', async () => {
    vi.spyOn(IDBObjectStore.prototype, 'count').mockImplementation(deadRequest)
    const reading = db.count('seeds')
    expect(await failureAfter(DATABASE_LIMIT - 1, reading)).toBeUndefined()
    expect(await failureAfter(1, reading)).toMatchObject({
      name: 'StorageFailed',
      message: expect.stringMatching(SILENT),
    })
  })

  test('ends a transaction, of which nothing is stored', async () => {
    vi.useRealTimers()
    const projectId = freshId('project')
    await storeProject(db, projectId)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const writing = transact(db, ['seeds'], 'readwrite', async ({ store }) => {
      await store.put(makeSeed(projectId, 'A seed.', 1))
      for (;;) await store.count() // requests keep the transaction open
    })
    expect(await failureAfter(DATABASE_LIMIT - 1, writing)).toBeUndefined()
    expect(await failureAfter(1, writing)).toMatchObject({ message: expect.stringMatching(SILENT) })
    expect(await countSeeds(db, projectId)).toBe(0)
  })

  test('refuses to open with a sentence, and waits for an upgrade', async () => {
    vi.spyOn(indexedDB, 'open').mockImplementation(deadRequest)
    const opening = openDatabase('never')
    expect(await failureAfter(OPEN_LIMIT, opening)).toMatchObject({
      name: 'StorageFailed',
      message: expect.stringMatching(
        /^The browser’s storage did not open within 60 seconds\. What is stored stays as it is\./,
      ),
    })
  })
})

describe('a file system that does not respond', () => {
  let uninstall: () => void = () => undefined
  afterEach(() => uninstall())

  test('ends a read with a sentence and does not take the file for missing', async () => {
    const files = new PrivateFiles()
    uninstall = installPrivateFiles(files)
    vi.spyOn(navigator.storage, 'getDirectory').mockImplementation(hang)
    const reading = checkpointFiles.read(freshId('project'), freshId('student'), 'last.checkpoint')
    expect(await failureAfter(FILE_LIMIT - 1, reading)).toBeUndefined()
    expect(await failureAfter(1, reading)).toMatchObject({
      name: 'StorageFailed',
      message: expect.stringMatching(SILENT),
    })
  })

  test('ends a write, and the earlier file stays', async () => {
    const files = new PrivateFiles()
    uninstall = installPrivateFiles(files)
    const [projectId, studentId] = [freshId('project'), freshId('student')]
    await checkpointFiles.write(projectId, studentId, 'last.checkpoint', Uint8Array.of(1, 2, 3))
    const folder = await (
      await (await files.root.getDirectoryHandle('students')).getDirectoryHandle(projectId)
    ).getDirectoryHandle(studentId)
    const original = folder.getFileHandle.bind(folder)
    vi.spyOn(folder, 'getFileHandle').mockImplementation(async (...args) => {
      const handle = await original(...args)
      return { ...handle, createWritable: hang }
    })
    const writing = checkpointFiles.write(projectId, studentId, 'last.checkpoint', Uint8Array.of(4, 5, 6))
    expect(await failureAfter(FILE_LIMIT + 1000, writing)).toMatchObject({
      message: expect.stringMatching(SILENT),
    })
    vi.restoreAllMocks()
    expect(await checkpointFiles.read(projectId, studentId, 'last.checkpoint')).toEqual(
      Uint8Array.of(1, 2, 3),
    )
  })

  test('does not prevent a model from being used: the copy is not stored, and the reason is reported', async () => {
    const files = new PrivateFiles()
    uninstall = installPrivateFiles(files)
    const models = await files.root.getDirectoryHandle('models', { create: true })
    const original = models.getFileHandle.bind(models)
    vi.spyOn(models, 'getFileHandle').mockImplementation(async (name, options) => {
      const handle = await original(name, options)
      return name.endsWith('.part')
        ? { ...handle, createSyncAccessHandle: hang, createWritable: hang }
        : handle
    })
    const onNotStored = vi.fn()
    const file = new File([Uint8Array.of(7, 8, 9)], 'model.gguf')
    const loading = fetchWhole({ kind: 'file', file }, true, {
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onNotStored,
    })
    await failureAfter(4 * FILE_LIMIT, loading)
    const bundle = await loading
    expect([...bundle.files.keys()]).toHaveLength(1)
    expect(onNotStored).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/did not respond .+ The model is used from memory/),
    )
    vi.restoreAllMocks()
    expect(await modelFiles.find('model.gguf')).toBeUndefined()
  })
})

test('leaves a database that responds alone', async () => {
  vi.useRealTimers()
  expect(await countSeeds(db, freshId('project'))).toBe(0)
})
