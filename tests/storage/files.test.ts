// Models and checkpoints in a file system that is full, lacks methods, or is interrupted.
import 'fake-indexeddb/auto'
import { afterEach, describe, expect, test } from 'vitest'
import { freshId, type ProjectId, type StudentId } from '../../src/domain/id.ts'
import { checkpointFiles, modelFiles, removeAll, softTargetFiles } from '../../src/storage/files.ts'
import { modelFolders, locateFile } from '../../src/storage/model-folders.ts'
import { safeFileName } from '../../src/storage/folders.ts'
import { isQuotaError } from '../../src/storage/quota.ts'
import { installPrivateFiles, PrivateFiles, type Lacking } from '../stand-ins/private-files.ts'

let uninstall = (): void => undefined
afterEach(() => uninstall())
function install(lacking: Lacking = {}): PrivateFiles {
  const files = new PrivateFiles(lacking)
  uninstall = installPrivateFiles(files)
  return files
}

const bytesOf = (n: number, value = 7): Uint8Array<ArrayBuffer> => new Uint8Array(n).fill(value)
const [project, student]: [ProjectId, StudentId] = [freshId('project'), freshId('student')]
const browsers: readonly (readonly [string, Lacking])[] = [
  ['a worker of Chromium', {}],
  ['a page of Chromium', { createSyncAccessHandle: false }],
  ['a worker of an older Safari', { createWritable: false }],
  ['a browser that cannot move files', { move: false }],
  ['a browser with neither writables nor moving', { createWritable: false, move: false }],
]

describe.each(browsers)('in %s', (_, lacking) => {
  test('copies a model in chunks, lists, finds, replaces and removes it', async () => {
    install(lacking)
    const progress: number[] = []
    await modelFiles.write('a/b: model.gguf', new Blob([bytesOf(10_000_000)]), {
      onProgress: (bytes) => progress.push(bytes),
    })
    expect(progress).toEqual([8 * 2 ** 20, 10_000_000])
    expect(await modelFiles.list()).toMatchObject([{ name: 'a_b_ model.gguf', bytes: 10_000_000 }])
    expect((await modelFiles.find('a/b: model.gguf'))?.size).toBe(10_000_000)
    await modelFiles.write('a/b: model.gguf', new Blob([bytesOf(5, 1)]))
    expect(
      new Uint8Array((await (await modelFiles.find('a/b: model.gguf'))?.arrayBuffer()) ?? new ArrayBuffer()),
    ).toEqual(bytesOf(5, 1))
    await modelFiles.remove('a/b: model.gguf')
    expect(await modelFiles.list()).toEqual([])
    expect(await modelFiles.find('a/b: model.gguf')).toBeUndefined()
  })

  test('leaves the earlier model and no partial file after an interrupted copy', async () => {
    install(lacking)
    await modelFiles.write('m.gguf', new Blob([bytesOf(10)]))
    const abort = new AbortController()
    await expect(
      modelFiles.write('m.gguf', new Blob([bytesOf(17_000_000)]), {
        onProgress: () => abort.abort(),
        signal: abort.signal,
      }),
    ).rejects.toMatchObject({ name: 'AbortError' })
    expect(await modelFiles.list()).toMatchObject([{ name: 'm.gguf', bytes: 10 }])
    expect(await modelFiles.findPart('m.gguf')).toBeUndefined()
  })

  test('resumes a download after the stored bytes, and lists it only when it is complete', async () => {
    install(lacking)
    const first = await modelFiles.openPart('m.gguf', 0, 'v1')
    await first.append(bytesOf(100, 1))
    await first.close()
    expect(await modelFiles.list()).toEqual([])
    expect(await modelFiles.findPart('m.gguf')).toEqual({ bytes: 100, tag: 'v1' })
    const second = await modelFiles.openPart('m.gguf', 60, 'v1')
    expect(second.bytes).toBe(60)
    await second.append(bytesOf(10, 2))
    await second.close()
    await modelFiles.finishPart('m.gguf')
    const whole = new Uint8Array(
      (await (await modelFiles.find('m.gguf'))?.arrayBuffer()) ?? new ArrayBuffer(),
    )
    expect([whole.length, whole[59], whole[60], whole[69]]).toEqual([70, 1, 2, 2])
    expect(await modelFiles.findPart('m.gguf')).toBeUndefined()
  })

  test('lists a model of several files only when all of them are stored', async () => {
    const files = install(lacking)
    const wanted = {
      files: [
        { path: 'config.json', bytes: 5 },
        { path: 'onnx/model.onnx', bytes: 20, digest: 'sha256:x' },
      ],
      hub: { url: 'https://hub.example/a/b', origin: 'https://hub.example/a/b/tree/1' },
    }
    await modelFolders.begin('a/b', wanted)
    const [config, graph] = [locateFile('a/b', 'config.json'), locateFile('a/b', 'onnx/model.onnx')]
    await config.files.write(config.name, new Blob([bytesOf(5)]))
    const part = await graph.files.openPart(graph.name, 0, 'v1')
    await part.append(bytesOf(12))
    await part.close()
    expect([await modelFiles.list(), await modelFolders.open('a/b')]).toEqual([[], undefined])
    expect(await modelFolders.list()).toEqual([{ name: 'a_b', ...wanted, bytes: 25, downloadedBytes: 17 }])
    // The same commit keeps all files; another one keeps the files with the same digest and removes the others.
    await modelFolders.begin('a/b', wanted)
    expect((await modelFolders.find('a/b'))?.downloadedBytes).toBe(17)
    await modelFolders.begin('a/b', {
      ...wanted,
      hub: { ...wanted.hub, origin: 'https://hub.example/a/b/tree/2' },
    })
    expect((await modelFolders.find('a/b'))?.downloadedBytes).toBe(12)
    await modelFolders.begin('a/b', {
      ...wanted,
      files: [
        { path: 'config.json', bytes: 5 },
        { path: 'onnx/model.onnx', bytes: 20, digest: 'sha256:y' },
      ],
    })
    expect((await modelFolders.find('a/b'))?.downloadedBytes).toBe(0)
    for (const { files: folder, name } of [config, graph])
      await folder.write(name, new Blob([bytesOf(name === 'config.json' ? 5 : 20, 3)]))
    await modelFolders.finish('a/b', 99)
    await modelFiles.write('single.gguf', new Blob([bytesOf(3)]))
    expect(await modelFiles.list()).toMatchObject([
      { name: 'a_b', bytes: 25, savedAt: 99 },
      { name: 'single.gguf', bytes: 3 },
    ])
    expect([...((await modelFolders.open('a/b')) ?? [])].map(([path, { size }]) => [path, size])).toEqual([
      ['config.json', 5],
      ['onnx/model.onnx', 20],
    ])
    await graph.files.write(graph.name, new Blob([bytesOf(19)])) // changed outside the page
    expect(await modelFolders.open('a/b')).toBeUndefined()
    await modelFiles.remove('a/b')
    await modelFiles.remove('single.gguf')
    expect([await modelFolders.list(), files.bytes]).toEqual([[], 0])
  })

  test('writes, replaces, lists and removes a checkpoint', async () => {
    install(lacking)
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(50, 1))
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(40, 2))
    expect(await checkpointFiles.read(project, student, 'last.checkpoint')).toEqual(bytesOf(40, 2))
    expect(await checkpointFiles.list(project, student)).toEqual([{ name: 'last.checkpoint', bytes: 40 }])
    const other: ProjectId = freshId('project')
    await checkpointFiles.copy(project, other)
    await checkpointFiles.remove(project)
    expect(await checkpointFiles.read(project, student, 'last.checkpoint')).toBeUndefined()
    expect(await checkpointFiles.read(other, student, 'last.checkpoint')).toEqual(bytesOf(40, 2))
  })

  test('has no checkpoint if the page was reloaded while the first one was written', async () => {
    let folder = install(lacking).root
    for (const name of ['students', project, student])
      folder = await folder.getDirectoryHandle(name, { create: true })
    await folder.getFileHandle('last.checkpoint', { create: true })
    expect(await checkpointFiles.read(project, student, 'last.checkpoint')).toBeUndefined()
    expect(await checkpointFiles.list(project, student)).toEqual([])
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(5))
    expect(await checkpointFiles.read(project, student, 'last.checkpoint')).toEqual(bytesOf(5))
  })

  test('keeps the earlier checkpoint, or none, on a full disk', async () => {
    const files = install({ ...lacking, quota: 1000 })
    await expect(checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(2000))).rejects.toSatisfy(
      isQuotaError,
    )
    expect(await checkpointFiles.list(project, student)).toEqual([])
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(300, 1))
    await expect(checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(900))).rejects.toSatisfy(
      isQuotaError,
    )
    expect(await checkpointFiles.read(project, student, 'last.checkpoint')).toEqual(bytesOf(300, 1))
    expect(files.bytes).toBe(300)
  })

  test('leaves no partial model on a full disk', async () => {
    const files = install({ ...lacking, quota: 9_000_000 })
    await expect(modelFiles.write('m.gguf', new Blob([bytesOf(10_000_000)]))).rejects.toSatisfy(isQuotaError)
    expect(await modelFiles.list()).toEqual([])
    expect(files.bytes).toBe(0)
  })

  test('removes everything', async () => {
    const files = install(lacking)
    await modelFiles.write('m.gguf', new Blob([bytesOf(10)]))
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(10))
    await removeAll()
    expect(files.bytes).toBe(0)
    await removeAll()
  })
})

describe('in a browser without a file system', () => {
  test('a model is refused with a sentence, and the list of models is empty', async () => {
    uninstall = installPrivateFiles(undefined)
    await expect(modelFiles.write('m.gguf', new Blob([bytesOf(1)]))).rejects.toMatchObject({
      name: 'StorageFailed',
      message: expect.stringMatching(/^[A-Z].+\.$/),
    })
    expect([await modelFiles.list(), await modelFolders.list()]).toEqual([[], []])
  })

  test('checkpoints are stored in the database, replaced, copied, listed and removed', async () => {
    uninstall = installPrivateFiles(undefined)
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(300, 1))
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(200, 2))
    expect(await checkpointFiles.read(project, student, 'last.checkpoint')).toEqual(bytesOf(200, 2))
    expect(await checkpointFiles.list(project, student)).toEqual([{ name: 'last.checkpoint', bytes: 200 }])
    const other = freshId('project')
    await checkpointFiles.copy(project, other)
    expect(await checkpointFiles.listProjects()).toHaveLength(2)
    await checkpointFiles.remove(project)
    expect(await checkpointFiles.read(project, student, 'last.checkpoint')).toBeUndefined()
    expect(await checkpointFiles.read(other, student, 'last.checkpoint')).toEqual(bytesOf(200, 2))
    await removeAll()
    expect(await checkpointFiles.listProjects()).toEqual([])
  })

  test('soft targets are appended across interruptions', async () => {
    uninstall = installPrivateFiles(undefined)
    const first = await softTargetFiles.openPart(project, 'a.trace', 0)
    await first.append(bytesOf(100, 1))
    await first.close()
    const second = await softTargetFiles.openPart(project, 'a.trace', 60)
    expect(second.bytes).toBe(60)
    await second.append(bytesOf(20, 2))
    await second.close()
    expect(await softTargetFiles.list(project)).toEqual([])
    await softTargetFiles.finishPart(project, 'a.trace')
    const whole = (await softTargetFiles.read(project, 'a.trace')) ?? new Uint8Array()
    expect([whole.length, [...whole.subarray(60)]]).toEqual([80, [...bytesOf(20, 2)]])
    expect((await softTargetFiles.list(project)).map(({ name }) => name)).toEqual(['a.trace'])
  })
})

test('a file that cannot be opened for writing in place is written through a swap file', async () => {
  const rejecting = new PrivateFiles({ createSyncAccessHandle: 'rejects' })
  uninstall = installPrivateFiles(rejecting)
  await modelFiles.write('m.gguf', new Blob([bytesOf(9_000_000, 1)]))
  expect((await modelFiles.find('m.gguf'))?.size).toBe(9_000_000)
})

test('makes safe file names from any name', () => {
  expect([
    safeFileName('../../etc/passwd'),
    safeFileName('..'),
    safeFileName(''),
    safeFileName('a\u0000b\nc'),
    safeFileName('x'.repeat(500)).length,
  ]).toEqual(['_.._etc_passwd', 'unnamed', 'unnamed', 'a_b_c', 180])
})
