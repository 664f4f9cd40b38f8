// Models on a hub, over real HTTP against a stand-in server: paginated lists, redirects to another host, cut connections, damaged files,
// changing versions, denied access, and false lists.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ModelBundle } from '../../../workers/teachers/bundle.ts'
import { browseHub } from '../../../workers/teachers/hub/hub-bundle.ts'
import { fetchWhole, peekModel } from '../../../workers/teachers/locate-model.ts'
import { modelFiles } from '../../../src/storage/files.ts'
import { modelFolders } from '../../../src/storage/model-folders.ts'
import { HubStandIn } from '../../stand-ins/hub.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'

const text = (content: string): Uint8Array => new TextEncoder().encode(content)
const noise = (bytes: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => ((i + seed) * 2654435761) >>> 13)
const FILES = new Map([
  ['.gitattributes', text('*.bin')],
  ['README.md', text('# A model')],
  ['config.json', text('{"model_type":"llama"}')],
  ['tokenizer.json', noise(3000, 1)],
  ['tokenizer_config.json', text('{}')],
  ['model.safetensors.index.json', text('{"weight_map":{}}')],
  ['model-00001-of-00002.safetensors', noise(50_000, 2)],
  ['model-00002-of-00002.safetensors', noise(70_000, 3)],
  ['pytorch_model.bin', noise(9000, 4)],
])
const WANTED = [...FILES.keys()].filter((path) => !/gitattributes|README|\.bin$/.test(path))
const TOTAL = WANTED.reduce((sum, path) => sum + (FILES.get(path)?.length ?? 0), 0)
const NAME = 'owner/some-model'
const STORED = 'owner_some-model'

let hub: HubStandIn
let disk: PrivateFiles
let uninstall: () => void
beforeEach(async () => {
  hub = await new HubStandIn().open()
  hub.put(NAME, { files: FILES, licence: 'apache-2.0' })
  disk = new PrivateFiles()
  uninstall = installPrivateFiles(disk)
})
afterEach(async () => {
  uninstall()
  await hub.close()
})

const page = (rest = ''): string => `${hub.url}/${NAME}${rest}`
const signal = new AbortController().signal
const source = (rest = '', variant?: string) => ({
  kind: 'hub' as const,
  url: page(rest),
  ...(variant === undefined ? {} : { variant }),
})
const fetchIt = (
  keep: boolean,
  options: {
    signal?: AbortSignal
    onProgress?: (done: number, total: number) => void
    variant?: string
  } = {},
): Promise<ModelBundle> =>
  fetchWhole(source('', options.variant), keep, {
    signal: options.signal ?? signal,
    onProgress: ({ done, total }) => options.onProgress?.(done, total),
  })
/** Whether exactly the expected files are there with their bytes. */
async function isWhole(
  { files }: ModelBundle,
  expected: ReadonlyMap<string, Uint8Array> = FILES,
  paths = WANTED,
): Promise<boolean> {
  if (files.size !== paths.length) return false
  const same = paths.map(async (path) => {
    const [found, bytes] = [files.get(path), expected.get(path)]
    return (
      found !== undefined &&
      bytes !== undefined &&
      Buffer.compare(await found.read(0, found.size), bytes) === 0
    )
  })
  return (await Promise.all(same)).every(Boolean)
}
const weightRequests = (): string[] => hub.requests.filter((line) => line.startsWith('cdn model-'))

describe('inspecting a page', () => {
  test('lists files over several pages, and only those that the model needs', async () => {
    hub.pageSize = 3
    const listing = await browseHub(page(), signal)
    expect(listing).toMatchObject({
      name: NAME,
      licence: 'apache-2.0',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
    })
    expect(listing.variants).toHaveLength(1)
    expect(listing.variants[0]).toMatchObject({ id: 'model.safetensors', form: 'safetensors', bytes: TOTAL })
    expect(listing.variants[0]?.files.toSorted()).toEqual(WANTED.toSorted())
    expect(hub.requests.filter((line) => line.includes('/tree/'))).toHaveLength(3)
    expect(weightRequests()).toEqual([])
  })

  test('reads headers by ranges at the commit through the redirect, and nothing else', async () => {
    const { files, hub: from } = await peekModel(source(), signal)
    const weights = files.get('model-00002-of-00002.safetensors')
    expect(weights?.size).toBe(70_000)
    expect(
      Buffer.compare(
        (await weights?.read(100, 160)) ?? new Uint8Array(),
        FILES.get('model-00002-of-00002.safetensors')?.subarray(100, 160) ?? new Uint8Array(),
      ),
    ).toBe(0)
    expect(from?.licence).toBe('apache-2.0')
    expect(from?.origin).toMatch(new RegExp(`^${hub.url}/${NAME}/tree/[0-9a-f]{40}$`))
    expect(hub.requests.filter((line) => line.startsWith('cdn'))).toEqual([
      'cdn model-00002-of-00002.safetensors bytes=100-159',
    ])
  })

  test('requires a choice among several models and downloads the chosen one with its data files', async () => {
    const files = new Map([
      ['config.json', text('{}')],
      ['tokenizer.json', noise(2000, 1)],
      ['onnx/model.onnx', noise(2000, 5)],
      ['onnx/model.onnx_data', noise(4000, 6)],
      ['onnx/model_q4.onnx', noise(3000, 7)],
      ['onnx/encoder_model.onnx', noise(1500, 8)],
      ['gguf/a-Q4_0.gguf', noise(2000, 9)],
      ['gguf/mmproj-a.gguf', noise(2000, 10)],
      ['big-00001-of-00002.gguf', noise(2000, 11)],
      ['big-00002-of-00002.gguf', noise(2000, 12)],
      ['torn-00001-of-00002.gguf', noise(2000, 13)],
    ])
    hub.put(NAME, { files })
    expect((await browseHub(page(), signal)).variants.map(({ id, bytes }) => [id, bytes])).toEqual([
      ['big.gguf', 4000],
      ['gguf/a-Q4_0.gguf', 2000],
      ['onnx/model.onnx', 8002],
      ['onnx/model_q4.onnx', 5002],
    ])
    await expect(peekModel(source(), signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringContaining('has 4 models: “big.gguf”') as string,
    })
    await expect(peekModel(source('', 'onnx/nothing.onnx'), signal)).rejects.toThrow(
      /has no model “onnx\/nothing.onnx”/,
    )
    const bundle = await fetchIt(true, { variant: 'onnx/model.onnx' })
    expect([bundle.name, [...bundle.files.keys()].toSorted()]).toEqual([
      'owner_some-model model.onnx',
      ['config.json', 'onnx/model.onnx', 'onnx/model.onnx_data', 'tokenizer.json'],
    ])
  })

  test.each([
    [
      401,
      'ModelRefused',
      /shows “owner\/some-model” only to signed-in users \(401\).*Download its files with your account/,
    ],
    [404, 'ModelRefused', /has no model “owner\/some-model”.*ends in \.gguf/],
    [429, 'DownloadFailed', /responded with 429: too many requests/],
    [503, 'DownloadFailed', /responded with 503\. Try again later/],
  ])('reports status %i in a sentence', async (status, name, sentence) => {
    hub.refuse = () => status
    await expect(browseHub(page(), signal)).rejects.toMatchObject({
      name,
      message: expect.stringMatching(sentence) as string,
    })
  })

  test('says that files of a gated page must be downloaded by hand', async () => {
    hub.put(NAME, { files: FILES, gated: 'manual' })
    await expect(browseHub(page(), signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /only to users who accepted its terms there\. Download its files with your account/,
      ) as string,
    })
  })

  test('distinguishes a server that is not a hub from one that does not respond', async () => {
    hub.tamper = () => 'hello'
    await expect(browseHub(page(), signal)).rejects.toThrow(/does not respond like a model hub/)
    await expect(browseHub('http://127.0.0.1:1/owner/name', signal)).rejects.toThrow(
      /did not respond, or does not allow other pages/,
    )
  })

  test('ignores paths that lead out of the folder, are hidden or are too long', async () => {
    const hostile = [
      '../x.gguf',
      '/etc/x.gguf',
      'a/../../x.gguf',
      '..%2fx.gguf',
      'C:\\x.gguf',
      'a\\..\\x.gguf',
      '.hidden/x.gguf',
      `${'a'.repeat(500)}.gguf`,
      'a//x.gguf',
      'x\u0000.gguf',
      `${'a/'.repeat(20)}x.gguf`,
      'manifest.retort',
      'x.gguf.part',
    ]
    hub.tamper = (path, json) =>
      path.includes('/tree/')
        ? hostile.map((hostilePath) => ({ type: 'file', path: hostilePath, size: 5, oid: 'a'.repeat(40) }))
        : json
    await expect(peekModel(source(), signal)).rejects.toThrow(/has no model that can be read/)
    await expect(fetchIt(true)).rejects.toThrow(/has no model that can be read/)
    expect(disk.bytes).toBe(0)
  })

  test('stops listing after 10,000 files and follows no link to another host', async () => {
    hub.put(NAME, { files: new Map(Array.from({ length: 100_000 }, (_, i) => [`f${i}.bin`, text('x')])) })
    await expect(browseHub(page(), signal)).rejects.toThrow(/more than 10,000 files/)
    expect(hub.requests.length).toBeLessThan(15)
    hub.put(NAME, { files: FILES })
    hub.pageSize = 5
    const elsewhere = await new HubStandIn().open()
    hub.nextPage = (address) => address.replace(hub.url, elsewhere.url)
    await expect(browseHub(page(), signal)).resolves.toMatchObject({ name: NAME })
    expect(elsewhere.requests).toEqual([])
    await elsewhere.close()
  })
})

describe('downloading', () => {
  test('downloads every file, reports bytes over all of them and stores them as one model with its origin', async () => {
    const reported: [number, number][] = []
    const bundle = await fetchIt(true, { onProgress: (...one) => reported.push(one) })
    expect(await isWhole(bundle)).toBe(true)
    expect(reported.every(([, total]) => total === TOTAL)).toBe(true)
    expect(reported.map(([done]) => done)).toEqual(reported.map(([done]) => done).toSorted((a, b) => a - b))
    expect(reported.at(-1)).toEqual([TOTAL, TOTAL])
    expect(await modelFiles.list()).toMatchObject([{ name: STORED, bytes: TOTAL }])
    const again = await peekModel({ kind: 'stored', name: STORED }, signal)
    expect(await isWhole(again)).toBe(true)
    expect(again.hub).toMatchObject({ origin: bundle.hub?.origin, licence: 'apache-2.0' })
    const before = hub.requests.length
    expect(await isWhole(await fetchIt(true))).toBe(true)
    expect(hub.requests.length).toBe(before)
    await modelFiles.remove(STORED)
    expect([await modelFiles.list(), disk.bytes]).toEqual([[], 0])
  })

  test('downloads into memory only if the model is not to be stored', async () => {
    expect(await isWhole(await fetchIt(false))).toBe(true)
    expect(disk.bytes).toBe(0)
  })

  test('resumes cut connections where they ended', async () => {
    hub.cutAfter = 30_000
    expect(await isWhole(await fetchIt(true))).toBe(true)
    expect(weightRequests()).toEqual([
      'cdn model-00001-of-00002.safetensors',
      'cdn model-00001-of-00002.safetensors bytes=30000-',
      'cdn model-00002-of-00002.safetensors',
      'cdn model-00002-of-00002.safetensors bytes=30000-',
      'cdn model-00002-of-00002.safetensors bytes=60000-',
    ])
  })

  test('keeps a stopped download, which is not a model yet, and resumes with the rest', async () => {
    const stop = new AbortController()
    hub.pauseMs = 1
    await expect(
      fetchIt(true, { signal: stop.signal, onProgress: (done) => done > 70_000 && stop.abort() }),
    ).rejects.toMatchObject({ name: 'AbortError' })
    expect(await modelFiles.list()).toEqual([])
    const [half] = await modelFolders.list()
    expect(half).toMatchObject({ name: STORED, bytes: TOTAL, hub: { url: page() } })
    expect(half?.downloadedBytes).toBeGreaterThan(60_000)
    await expect(peekModel({ kind: 'stored', name: STORED }, signal)).rejects.toMatchObject({
      name: 'ModelMissing',
      message: expect.stringContaining('is only partly downloaded') as string,
    })
    hub.requests.length = 0
    hub.pauseMs = 0
    expect(await isWhole(await fetchIt(true))).toBe(true)
    expect(weightRequests()).toEqual([
      expect.stringMatching(/^cdn model-00002-of-00002\.safetensors bytes=\d+-$/),
    ])
  })

  test('deletes files whose bytes do not match the list, also if a part was there', async () => {
    for (const path of ['model-00002-of-00002.safetensors', 'config.json']) {
      hub.damage = (damagedPath, bytes) =>
        damagedPath === path ? bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)) : bytes
      await expect(fetchIt(true)).rejects.toMatchObject({
        name: 'DownloadFailed',
        message: expect.stringMatching(new RegExp(`“${path}” arrived damaged`)) as string,
      })
      await expect(fetchIt(false)).rejects.toThrow(/arrived damaged/)
      expect(await modelFolders.downloadedBytes(STORED, path)).toBe(0)
      expect(await modelFiles.list()).toEqual([])
      await modelFiles.remove(STORED)
    }
    // The part of an earlier visit is damaged on disk: the whole file is hashed, not only the new bytes.
    hub.damage = (_, bytes) => bytes
    const stop = new AbortController()
    hub.pauseMs = 1
    await expect(
      fetchIt(true, { signal: stop.signal, onProgress: (done) => done > 90_000 && stop.abort() }),
    ).rejects.toMatchObject({ name: 'AbortError' })
    const part = disk.root.folders
      .get('models')
      ?.folders.get(STORED)
      ?.files.get('model-00002-of-00002.safetensors.part')
    if (part) part.bytes[5] = (part.bytes[5] ?? 0) ^ 1
    hub.pauseMs = 0
    await expect(fetchIt(true)).rejects.toThrow(/arrived damaged/)
    expect(await isWhole(await fetchIt(true))).toBe(true)
  })

  test('rejects a file that is longer or shorter than its list states', async () => {
    for (const change of [
      (bytes: Uint8Array) => bytes.subarray(0, 40_000),
      (bytes: Uint8Array) => Buffer.concat([bytes, bytes]),
    ]) {
      hub.damage = (path, bytes) => (path.startsWith('model-00001') ? change(bytes) : bytes)
      await expect(fetchIt(true)).rejects.toMatchObject({ name: 'DownloadFailed' })
      expect(await modelFiles.list()).toEqual([])
      await modelFiles.remove(STORED)
    }
  })

  test('stays at its commit if the page changes during the download', async () => {
    const changed = new Map([...FILES, ['model-00002-of-00002.safetensors', noise(70_000, 99)]])
    const bundle = await fetchIt(true, {
      onProgress: (done) => done > 10_000 && hub.put(NAME, { files: changed }),
    })
    expect(await isWhole(bundle)).toBe(true)
  })

  test('resumes after a page change with the new files and reuses unchanged ones', async () => {
    const stop = new AbortController()
    hub.pauseMs = 1
    await expect(
      fetchIt(true, { signal: stop.signal, onProgress: (done) => done > 90_000 && stop.abort() }),
    ).rejects.toMatchObject({ name: 'AbortError' })
    const changed = new Map([
      ...FILES,
      ['model-00002-of-00002.safetensors', noise(70_000, 99)],
      ['tokenizer_config.json', text('{"a":1}')],
    ])
    hub.put(NAME, { files: changed })
    await browseHub(page(), signal)
    hub.requests.length = 0
    hub.pauseMs = 0
    expect(await isWhole(await fetchIt(true), changed)).toBe(true)
    expect(weightRequests()).toEqual(['cdn model-00002-of-00002.safetensors'])
    expect(
      hub.requests
        .filter((line) => line.startsWith('hub /owner'))
        .map((line) => line.split('/').at(-1)?.trim())
        .toSorted(),
    ).toEqual(['model-00002-of-00002.safetensors', 'tokenizer_config.json'])
  })

  test('stores another version next to the one that is stored already', async () => {
    await fetchIt(true)
    const changed = new Map([...FILES, ['config.json', text('{"model_type":"qwen2"}')]])
    const commit = hub.put(NAME, { files: changed })
    await browseHub(page(), signal)
    expect(await isWhole(await fetchIt(true), changed)).toBe(true)
    expect((await modelFiles.list()).map(({ name }) => name)).toEqual([
      STORED,
      `${STORED} ${commit.slice(0, 8)}`,
    ])
    expect(await isWhole(await peekModel({ kind: 'stored', name: STORED }, signal))).toBe(true)
  })

  test('refuses a model that does not fit before any large request', async () => {
    uninstall()
    uninstall = installPrivateFiles(disk, { quota: 100_000, usage: 20_000 })
    await expect(fetchIt(true)).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringContaining('needs 1 MB, and this browser has 1 MB left') as string,
    })
    expect(weightRequests()).toEqual([])
  })

  test('explains how to get a file that became gated in between', async () => {
    await browseHub(page(), signal)
    hub.put(NAME, { files: FILES, gated: 'auto' })
    await expect(fetchIt(true)).rejects.toThrow(/does not serve this file publicly \(401\)/)
  })
})
