// Models and checkpoints in a file system that is full, that lacks parts, or that is cut off in the middle.
import { afterEach, describe, expect, test } from 'vitest'
import { freshId, type ProjectId, type StudentId } from '../../src/domain/id.ts'
import { checkpointFiles, modelFiles, removeAll } from '../../src/storage/files.ts'
import { modelFolders, placeOf } from '../../src/storage/model-folders.ts'
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
  ['one that has neither writables nor moving', { createWritable: false, move: false }],
]

describe.each(browsers)('in %s', (_, lacking) => {
  test('a model is copied in pieces, listed, found, replaced and removed', async () => {
    install(lacking)
    const told: number[] = []
    await modelFiles.write('a/b: model.gguf', new Blob([bytesOf(10_000_000)]), {
      onProgress: (bytes) => told.push(bytes),
    })
    expect(told).toEqual([8 * 2 ** 20, 10_000_000])
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

  test('a copy that is cut off leaves no model, no part and the earlier model whole', async () => {
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

  test('a download goes on behind what was kept of it, and is no model before it is whole', async () => {
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

  test('a model of several files is one model when all are there, and none before', async () => {
    const files = install(lacking)
    const wanted = {
      files: [
        { path: 'config.json', bytes: 5 },
        { path: 'onnx/model.onnx', bytes: 20, digest: 'sha256:x' },
      ],
      hub: { url: 'https://hub.example/a/b', origin: 'https://hub.example/a/b/tree/1' },
    }
    await modelFolders.begin('a/b', wanted)
    const [config, graph] = [placeOf('a/b', 'config.json'), placeOf('a/b', 'onnx/model.onnx')]
    await config.files.write(config.name, new Blob([bytesOf(5)]))
    const part = await graph.files.openPart(graph.name, 0, 'v1')
    await part.append(bytesOf(12))
    await part.close()
    expect([await modelFiles.list(), await modelFolders.open('a/b')]).toEqual([[], undefined])
    expect(await modelFolders.list()).toEqual([{ name: 'a_b', ...wanted, bytes: 25, here: 17 }])
    // The same commit goes on with all of it; another one with what is the same, and what is not goes.
    await modelFolders.begin('a/b', wanted)
    expect((await modelFolders.find('a/b'))?.here).toBe(17)
    await modelFolders.begin('a/b', {
      ...wanted,
      hub: { ...wanted.hub, origin: 'https://hub.example/a/b/tree/2' },
    })
    expect((await modelFolders.find('a/b'))?.here).toBe(12)
    await modelFolders.begin('a/b', {
      ...wanted,
      files: [
        { path: 'config.json', bytes: 5 },
        { path: 'onnx/model.onnx', bytes: 20, digest: 'sha256:y' },
      ],
    })
    expect((await modelFolders.find('a/b'))?.here).toBe(0)
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
    await graph.files.write(graph.name, new Blob([bytesOf(19)])) // someone's hand in the store
    expect(await modelFolders.open('a/b')).toBeUndefined()
    await modelFiles.remove('a/b')
    await modelFiles.remove('single.gguf')
    expect([await modelFolders.list(), files.bytes]).toEqual([[], 0])
  })

  test('a checkpoint is written whole, replaced, listed and removed with its student', async () => {
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

  test('on a full disk a checkpoint leaves the earlier one, or nothing where there was none', async () => {
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

  test('on a full disk a model leaves no part', async () => {
    const files = install({ ...lacking, quota: 9_000_000 })
    await expect(modelFiles.write('m.gguf', new Blob([bytesOf(10_000_000)]))).rejects.toSatisfy(isQuotaError)
    expect(await modelFiles.list()).toEqual([])
    expect(files.bytes).toBe(0)
  })

  test('everything goes when everything is deleted', async () => {
    const files = install(lacking)
    await modelFiles.write('m.gguf', new Blob([bytesOf(10)]))
    await checkpointFiles.write(project, student, 'last.checkpoint', bytesOf(10))
    await removeAll()
    expect(files.bytes).toBe(0)
    await removeAll()
  })
})

test('a browser without this file system is told in a sentence, and reading finds nothing', async () => {
  uninstall = installPrivateFiles(undefined)
  await expect(checkpointFiles.write(project, student, 'x', bytesOf(1))).rejects.toMatchObject({
    name: 'StorageFailed',
    message: expect.stringMatching(/^[A-Z].+\.$/),
  })
})

test('names that people chose are names of files everywhere', () => {
  expect([
    safeFileName('../../etc/passwd'),
    safeFileName('..'),
    safeFileName(''),
    safeFileName('a\u0000b\nc'),
    safeFileName('x'.repeat(500)).length,
  ]).toEqual(['_.._etc_passwd', 'unnamed', 'unnamed', 'a_b_c', 180])
})
