// A copy that the browser does not store is a note, and never the end of loading: whatever the store refuses, wherever the model is from.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ModelBundle } from '../../../workers/teachers/bundle.ts'
import type { FileSource } from '../../../workers/teachers/file-source.ts'
import { fetchWhole } from '../../../workers/teachers/locate-model.ts'
import { modelFiles } from '../../../src/storage/files.ts'
import { modelFolders } from '../../../src/storage/model-folders.ts'
import { HubStandIn } from '../../stand-ins/hub.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'

const noise = (bytes: number, seed: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: bytes }, (_, i) => ((i + seed) * 2654435761) >>> 13)
const FILES = new Map([
  ['config.json', new TextEncoder().encode('{"model_type":"llama"}')],
  ['tokenizer.json', noise(3000, 1)],
  ['model.safetensors.index.json', new TextEncoder().encode('{"weight_map":{}}')],
  ['model-00001-of-00002.safetensors', noise(150_000, 2)],
  ['model-00002-of-00002.safetensors', noise(270_000, 3)],
])
const [LARGEST] = [...FILES.keys()].slice(-1)

let hub: HubStandIn
let uninstall: () => void = () => undefined
beforeEach(async () => {
  hub = await new HubStandIn().open()
  hub.put('owner/model', { files: FILES })
})
afterEach(async () => {
  uninstall()
  await hub.close()
})

const file = (name: string): File =>
  new File([FILES.get(name) ?? new Uint8Array()], name.split('/').at(-1) ?? '')
/** The same model from everywhere, with what has to be loaded of it. */
const places: readonly (readonly [string, () => FileSource, readonly string[]])[] = [
  ['a hub', () => ({ kind: 'hub', url: `${hub.url}/owner/model` }), [...FILES.keys()]],
  [
    'an address',
    () => ({ kind: 'url', url: `${hub.url}/owner/model/resolve/main/${LARGEST}` }),
    [LARGEST ?? ''],
  ],
  ['a file', () => ({ kind: 'file', file: file(LARGEST ?? '') }), [LARGEST ?? '']],
  [
    'a folder',
    () => ({
      kind: 'files',
      name: 'model',
      files: [...FILES.keys()].map((path) => ({ path, file: file(path) })),
    }),
    [...FILES.keys()],
  ],
]

/** Ways in which a browser does not store files, with what the sentence says. */
const refusals: readonly (readonly [string, () => void, RegExp])[] = [
  [
    'that is full in the middle',
    () => install(new PrivateFiles({ quota: 200_000 })),
    /space for the page is full/,
  ],
  ['that is full at once', () => install(new PrivateFiles({ quota: 0 })), /space for the page is full/],
  [
    'whose estimate is too small',
    () => install(new PrivateFiles(), { quota: 100_000, usage: 90_000 }),
    /needs 1 MB, and this browser has 1 MB left/,
  ],
  ['without a file system', () => install(undefined), /stores no files/],
  [
    'that rejects',
    () =>
      define({
        getDirectory: () => Promise.reject(new DOMException('not allowed', 'SecurityError')),
      }),
    /refuses to store files/,
  ],
  [
    'whose folders cannot be opened',
    () =>
      define({
        getDirectory: async () => ({
          getDirectoryHandle: () => Promise.reject(new DOMException('broken', 'UnknownError')),
        }),
      }),
    /refused to write it \(UnknownError: broken\)/,
  ],
  [
    'that cannot write',
    () => install(new PrivateFiles({ createSyncAccessHandle: 'rejects', createWritable: false })),
    /refused to write it \(InvalidStateError/,
  ],
]
function install(files: PrivateFiles | undefined, estimate?: { quota: number; usage: number }): void {
  uninstall = installPrivateFiles(files, estimate)
  disk = files
}
function define(storage: object): void {
  uninstall = installPrivateFiles(undefined)
  Object.assign(globalThis.navigator.storage, storage)
  disk = undefined
}
let disk: PrivateFiles | undefined

async function isWhole({ files }: ModelBundle, paths: readonly string[]): Promise<boolean> {
  const same = paths.map(async (path) => {
    const found = files.get(path)
    return (
      found !== undefined &&
      Buffer.compare(await found.read(0, found.size), FILES.get(path) ?? new Uint8Array()) === 0
    )
  })
  return files.size === paths.length && (await Promise.all(same)).every(Boolean)
}
const load = async (
  source: FileSource,
): Promise<{ readonly bundle: ModelBundle; readonly sentences: readonly string[] }> => {
  const sentences: string[] = []
  const bundle = await fetchWhole(source, true, {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onNotStored: (sentence) => sentences.push(sentence),
  })
  return { bundle, sentences }
}

describe.each(places)('from %s', (_place, source, paths) => {
  test.each(refusals)(
    'loads without a copy in a browser %s, and says so once',
    async (_browser, refuse, says) => {
      refuse()
      const { bundle, sentences } = await load(source())
      expect(await isWhole(bundle, paths)).toBe(true)
      expect(sentences).toEqual([expect.stringMatching(says)])
      expect(sentences[0]).toMatch(/The model is used from memory: after a reload/)
      if (disk !== undefined) expect(await modelFiles.list()).toEqual([])
    },
  )

  test('reports nothing where the copy is stored', async () => {
    install(new PrivateFiles())
    const { bundle, sentences } = await load(source())
    expect(sentences).toEqual([])
    expect(await isWhole(bundle, paths)).toBe(true)
    expect(await modelFiles.list()).toHaveLength(1)
  })
})

test('requests only the rest after a disk that is full in the middle, and frees the space', async () => {
  install(new PrivateFiles({ quota: 200_000 }))
  hub.requests.length = 0
  await load({ kind: 'url', url: `${hub.url}/owner/model/resolve/main/${LARGEST}` })
  const starts = hub.requests.flatMap((line) => /^cdn .*bytes=(\d+)-$/.exec(line)?.[1] ?? [])
  expect(starts).toHaveLength(1)
  expect(Number(starts[0])).toBeGreaterThan(50_000)
  expect(disk?.bytes).toBe(0)
})

test('keeps the files of a folder that were stored before the disk was full, and resumes them later', async () => {
  const files = new PrivateFiles({ quota: 200_000 })
  install(files)
  await load({ kind: 'hub', url: `${hub.url}/owner/model` })
  expect(await modelFolders.list()).toMatchObject([{ name: 'owner_model' }])
  expect(files.bytes).toBeGreaterThan(150_000)
  Object.assign(files, { lacking: {} }) // space was made
  hub.requests.length = 0
  const { bundle, sentences } = await load({ kind: 'hub', url: `${hub.url}/owner/model` })
  expect(sentences).toEqual([])
  expect(await isWhole(bundle, [...FILES.keys()])).toBe(true)
  expect(hub.requests.filter((line) => line.startsWith('cdn model-00001'))).toEqual([])
})

test('ends with the store’s sentence where the copy is the purpose', async () => {
  install(new PrivateFiles({ createSyncAccessHandle: 'rejects', createWritable: false }))
  await expect(
    fetchWhole({ kind: 'hub', url: `${hub.url}/owner/model` }, true, {
      signal: new AbortController().signal,
      onProgress: () => undefined,
    }),
  ).rejects.toMatchObject({
    name: 'StorageFailed',
    message: expect.stringContaining('could not be stored') as string,
  })
})

test('a download that fails is no refusal of the store', async () => {
  install(new PrivateFiles())
  hub.damage = (_, bytes) => bytes.map((byte) => byte ^ 1)
  await expect(load({ kind: 'hub', url: `${hub.url}/owner/model` })).rejects.toMatchObject({
    name: 'DownloadFailed',
  })
})
