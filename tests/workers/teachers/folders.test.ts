// Models of several files as teachers: a folder of safetensors from a hub, from disk and from the store, a split GGUF file; and the
// sentences for folders that cannot be used.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isSized } from '../../../src/domain/model-card.ts'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import { modelFiles } from '../../../src/storage/files.ts'
import { modelFolders } from '../../../src/storage/model-folders.ts'
import type { FileSource } from '../../../workers/teachers/file-source.ts'
import { files as opener } from '../../../workers/teachers/openers/files.ts'
import type { Teacher } from '../../../workers/teachers/teacher.ts'
import { writeGguf } from '../../../src/engine/weights/gguf/gguf-write.ts'
import { convertToGguf, oracle } from '../../engine/small-architectures.ts'
import { HubStandIn } from '../../stand-ins/hub.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { writeSmallGguf } from '../../engine/weights/gguf/small-gguf.ts'
import { describeTeacherContract } from './contract.ts'
import { FOLDER_MODEL, makeModelFolder } from './small-folder.ts'

const FOLDER = makeModelFolder()
const signal = new AbortController().signal
let disk: PrivateFiles
let uninstall: () => void
const opened: Teacher[] = []
beforeEach(() => {
  disk = new PrivateFiles()
  uninstall = installPrivateFiles(disk)
})
afterEach(() => uninstall())
afterAll(() => Promise.all(opened.map((teacher) => teacher.release())))

const fromDisk = (
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  name = 'tiny',
): Extract<ModelSource, { kind: 'files' }> => ({
  kind: 'files',
  name,
  files: Array.from(files, ([path, bytes]) => ({
    path,
    file: new File([bytes], path.split('/').at(-1) ?? path),
  })),
})
async function open(source: FileSource, keep = false): Promise<Teacher> {
  const teacher = await opener.open(source, {
    keep,
    backend: 'wasm',
    contextLength: 64,
    signal,
    onProgress: () => undefined,
    unloadPrevious: async () => undefined,
  })
  opened.push(teacher)
  return teacher
}
const refusal = async (change: (files: Map<string, Uint8Array<ArrayBuffer>>) => void): Promise<string> => {
  const files = new Map(FOLDER)
  change(files)
  return opener.inspect(fromDisk(files), signal).then(
    (card) => `opened ${card.name}`,
    (thrown: Error) => `${thrown.name}: ${thrown.message}`,
  )
}
const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)

/** Max difference between the teacher's log-probabilities of some tokens after some prefixes and those that transformers computed. */
async function distanceFromOracle(teacher: Teacher): Promise<number> {
  const [tokens = []] = oracle.texts
  const [saved] = FOLDER_MODEL.texts
  const ends = [7, 20, 35]
  const results = new Map<string, readonly number[]>()
  const requests = ends.map((end) => ({
    id: String(end),
    tokens: tokens.slice(0, end + 1),
    continuations: oracle.places.map((place) => [place]),
  }))
  await teacher.ownTokens?.scoreTokens(requests, {
    signal,
    onResult: ({ id, logProbs }) => void results.set(id, logProbs),
  })
  return Math.max(
    ...ends.flatMap((end) =>
      oracle.places.map((_, i) =>
        Math.abs(
          (results.get(String(end))?.[i] ?? Number.NaN) -
            ((saved?.chosen[end]?.[i] ?? Number.NaN) - (saved?.logSumExp[end] ?? Number.NaN)),
        ),
      ),
    ),
  )
}

describeTeacherContract('A folder of safetensors', () => open(fromDisk(FOLDER)), { temperature: 5 })

describe('a folder of safetensors', () => {
  test('opens a folder from disk with the log-probabilities that transformers computes', async () => {
    const card = await opener.inspect(fromDisk(FOLDER), signal)
    expect(card).toMatchObject({
      name: 'tiny',
      form: 'safetensors',
      fileName: 'tiny',
      architecture: 'qwen3',
      quantisation: 'F32',
      vocabularySize: 80,
      layers: 2,
      width: 64,
      contextLength: 256,
      hasChatTemplate: true,
    })
    expect([isSized(card), card.fileBytes]).toEqual([
      true,
      [...FOLDER.values()].reduce((sum, { length }) => sum + length, 0),
    ])
    const teacher = await open(fromDisk(FOLDER))
    expect(teacher.description).toMatchObject({
      card,
      weights: 'f32',
      capabilities: { chat: true, scores: true, softTargets: true },
    })
    expect(await distanceFromOracle(teacher)).toBeLessThanOrEqual(2e-4)
    expect(await modelFiles.list()).toEqual([])
  })

  test('stores a folder from a hub with its origin and licence and opens it again', async () => {
    const hub = await new HubStandIn().open()
    const commit = hub.put('owner/tiny', { files: FOLDER, licence: 'apache-2.0' })
    hub.cutAfter = 40_000
    const teacher = await open({ kind: 'hub', url: `${hub.url}/owner/tiny` }, true)
    await hub.close()
    expect(teacher.description.card).toMatchObject({
      name: 'owner/tiny',
      fileName: 'owner_tiny',
      licence: 'apache-2.0',
      origin: `${hub.url}/owner/tiny/tree/${commit}`,
    })
    const again = await open({ kind: 'stored', name: 'owner_tiny' })
    expect(again.description.card).toEqual(teacher.description.card)
    expect(await distanceFromOracle(again)).toBeLessThanOrEqual(2e-4)
  })

  test('stores a folder from disk whole or not at all, under a free name, and loads it either way', async () => {
    await open(fromDisk(FOLDER), true)
    const other = new Map([...FOLDER, ['generation_config.json', text('{}')] as const])
    const second = await open(fromDisk(other), true)
    expect([second.description.card.fileName, (await modelFiles.list()).map(({ name }) => name)]).toEqual([
      'tiny 2',
      ['tiny', 'tiny 2'],
    ])
    disk.writesLeft = 6
    const { description } = await open(fromDisk(other), true)
    expect(description.notStored).toMatch(/could not be stored: this browser’s space for the page is full/)
    disk.writesLeft = Number.POSITIVE_INFINITY
    expect((await modelFolders.list()).map(({ name }) => name)).toEqual(['tiny', 'tiny 2'])
    await modelFiles.remove('tiny')
    await modelFiles.remove('tiny 2')
    expect(disk.bytes).toBe(0)
  })

  test('finds the model in a subfolder of the picked folder, next to hidden files', async () => {
    const card = await opener.inspect(
      fromDisk(
        new Map([
          ...[...FOLDER].map(([path, bytes]) => [`snapshots/abc/${path}`, bytes] as const),
          ['.git/config', text('x')],
          ['refs/main', text('abc')],
        ]),
      ),
      signal,
    )
    expect(card.architecture).toBe('qwen3')
  })

  test('changes the fingerprint with a weight, but not with the order of files', async () => {
    const changed = new Map(
      [...FOLDER].map(
        ([path, bytes]) =>
          [
            path,
            path.startsWith('model-00002')
              ? bytes.map((byte, i) => (i > bytes.length - 100 ? byte ^ 1 : byte))
              : bytes,
          ] as const,
      ),
    )
    const fingerprints = await Promise.all(
      [FOLDER, changed, new Map([...FOLDER].toReversed())].map(
        async (files) => (await opener.inspect(fromDisk(files), signal)).fingerprint,
      ),
    )
    expect([fingerprints[0] === fingerprints[1], fingerprints[0] === fingerprints[2]]).toEqual([false, true])
  })

  test.each([
    [
      'without its configuration',
      (files: Map<string, Uint8Array<ArrayBuffer>>) => void files.delete('config.json'),
      /^ModelRefused: .*it has no config\.json\. Choose the whole folder/,
    ],
    [
      'without its tokenizer',
      (files) => void files.delete('tokenizer.json'),
      /^ModelRefused: .*it has no tokenizer\.json/,
    ],
    [
      'with a damaged configuration',
      (files) => void files.set('config.json', text('{"model_type":')),
      /^ModelRefused: .*config\.json is damaged \(not valid JSON\)/,
    ],
    [
      'of an unsupported architecture',
      (files) => void files.set('config.json', text('{"model_type":"mamba"}')),
      /^ModelRefused: .*"model_type" is "mamba"/,
    ],
    [
      'with one of its weight files missing',
      (files) => void files.delete('model-00002-of-00002.safetensors'),
      /^ModelRefused: .*"model-00002-of-00002\.safetensors" is missing/,
    ],
    [
      'with truncated weights',
      (files) =>
        void files.set(
          'model-00002-of-00002.safetensors',
          (files.get('model-00002-of-00002.safetensors') ?? new Uint8Array()).slice(0, -10),
        ),
      /^ModelRefused: .*probably truncated/,
    ],
    [
      'of images',
      (files) => {
        files.clear()
        files.set('a.png', text('x'))
        files.set('b.png', text('y'))
      },
      /^ModelRefused: .*no GGUF file, no safetensors/,
    ],
    [
      'of hidden files',
      (files) => {
        files.clear()
        files.set('.a', text('x'))
        files.set('../b', text('y'))
      },
      /^ModelRefused: .*has no file that can be read/,
    ],
  ] satisfies readonly (readonly [string, (files: Map<string, Uint8Array<ArrayBuffer>>) => void, RegExp])[])(
    'refuses a folder %s with a sentence',
    async (_, change, sentence) => {
      expect(await refusal(change)).toMatch(sentence)
    },
  )
})

describe('GGUF files', () => {
  test('opens the parts of one model together in any order, but not two models', async () => {
    const whole = convertToGguf(oracle.models['qwen2'] ?? FOLDER_MODEL)
    const small = writeSmallGguf()
    const both = fromDisk(
      new Map([
        ['a.gguf', small],
        ['b.gguf', small],
      ]),
    )
    await expect(opener.inspect(both, signal)).rejects.toThrow(
      /several GGUF files that are not parts of one model/,
    )
    expect(whole.tensors.length).toBeGreaterThan(4)
    const parts = splitSmall()
    const joined = await opener.inspect(fromDisk(new Map([...parts].toReversed())), signal)
    const single = await opener.inspect({ kind: 'file', file: new File([small], 'small.gguf') }, signal)
    expect({ ...joined, fileName: '', fileBytes: 0, fingerprint: '' }).toEqual({
      ...single,
      fileName: '',
      fileBytes: 0,
      fingerprint: '',
    })
    const [first] = parts
    await expect(opener.inspect(fromDisk(new Map(first ? [first] : [])), signal)).rejects.toThrow(
      /one of 2 parts of a split model|part 2 of 2 is missing/,
    )
  })

  test('stores a single file from a hub under one name', async () => {
    const hub = await new HubStandIn().open()
    hub.put('owner/tiny-GGUF', {
      files: new Map([
        ['tiny.gguf', writeSmallGguf()],
        ['README.md', text('hi')],
      ]),
    })
    const teacher = await open(
      { kind: 'hub', url: `${hub.url}/owner/tiny-GGUF/blob/main/tiny.gguf`, variant: 'tiny.gguf' },
      true,
    )
    await hub.close()
    expect(teacher.description.card).toMatchObject({
      name: 'Small',
      fileName: 'owner_tiny-GGUF',
      form: 'gguf',
    })
    expect((await opener.inspect({ kind: 'stored', name: 'owner_tiny-GGUF' }, signal)).fingerprint).toBe(
      teacher.description.card.fingerprint,
    )
  })
})

/** The small model in two files, as llama.cpp's gguf-split writes them. */
function splitSmall(): Map<string, Uint8Array<ArrayBuffer>> {
  const count = 2
  const name = (i: number): string => `small-0000${i + 1}-of-0000${count}.gguf`
  const key = (i: number) =>
    ({ 'split.no': { kind: 'u32', value: i }, 'split.count': { kind: 'u32', value: count } }) as const
  const first = writeSmallGguf(key(0), (tensors) => tensors.slice(0, 5))
  let rest: Parameters<typeof writeGguf>[1] = []
  writeSmallGguf({}, (tensors) => {
    rest = tensors.slice(5)
    return tensors
  })
  return new Map([
    [name(0), first],
    [
      name(1),
      writeGguf(
        new Map(
          Object.entries({ 'general.architecture': { kind: 'text', value: 'llama' } as const, ...key(1) }),
        ),
        rest,
      ),
    ],
  ])
}
