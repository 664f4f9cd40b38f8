// A model of WebLLM's catalogue is opened in a worker of its own: what is refused before, what is told meanwhile, and what becomes of
// it when it is stopped, when loading fails, when the graphics card is lost and when the worker breaks down.
import { describe, expect, test } from 'vitest'
import { GREEDY, type CompletionRequest } from '../../../../src/domain/model.ts'
import type { RetortError } from '../../../../src/protocol/errors.ts'
import type { LoadProgress } from '../../../../src/protocol/teacher.ts'
import { completeAll } from '../contract.ts'
import { makeOpener, MODEL, openOptions, type Prepare } from './stand-in-model.ts'

const source = { kind: 'web-llm', model: MODEL } as const
const signal = new AbortController().signal
const ask = (id: string, maxTokens = 6): CompletionRequest => ({
  id,
  asked: { kind: 'raw', text: `Row ${id}` },
  sampling: { ...GREEDY, maxTokens, rngSeed: id },
})
const fail = (name: string, message: string): never => {
  throw Object.assign(new Error(message), { name })
}

describe('before anything is downloaded', () => {
  test('the card says what it needs of the graphics card, and starts no worker', async () => {
    const { opener, opened } = makeOpener()
    expect(await opener.inspect(source, signal)).toMatchObject({
      name: MODEL,
      form: 'web-llm',
      parameters: 135e6,
      quantisation: 'q0f32',
      contextLength: 4096,
      graphicsBytes: 754324603,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    expect(opened.workers).toEqual([])
  })

  test.each([
    [
      'a model that is not in the catalogue',
      'no-such-model',
      { available: true, shaderF16: true },
      /no model “no-such-model”/,
    ],
    [
      '16-bit numbers where there are none',
      'Llama-3.2-1B-Instruct-q4f16_1-MLC',
      { available: true, shaderF16: false },
      /Llama-3\.2-1B-Instruct-q4f32_1-MLC is the same model and works here/,
    ],
    [
      'a machine without WebGPU',
      MODEL,
      { available: false, shaderF16: false },
      /A GGUF file works without one/,
    ],
  ])('%s is refused with what would work', async (_, model, gpu, sentence) => {
    const { opener, opened } = makeOpener(undefined, gpu)
    await expect(opener.inspect({ kind: 'web-llm', model }, signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(sentence),
    })
    await expect(opener.open({ kind: 'web-llm', model }, openOptions())).rejects.toMatchObject({
      name: 'ModelRefused',
    })
    expect(opened.workers).toEqual([])
  })
})

describe('loading', () => {
  test('tells megabytes, and lets the model that is loaded go once everything is downloaded', async () => {
    const told: (LoadProgress | 'let go')[] = []
    const { opener, opened } = makeOpener((engine) => {
      engine.onReload = async (report) => {
        report({ progress: 0, timeElapsed: 0, text: 'Start to fetch params' })
        report({
          progress: 0.25,
          timeElapsed: 2,
          text: 'Fetching param cache[2/8]: 130MB fetched. 25% completed, 2 secs elapsed. It can take a while when we first visit this page to populate the cache.',
        })
        report({
          progress: 0.5,
          timeElapsed: 1,
          text: 'Loading model from cache[4/8]: 260MB loaded. 50% completed, 1 secs elapsed.',
        })
        report({ progress: 1, timeElapsed: 5, text: 'Finish loading on WebGPU - a card' })
      }
    })
    const teacher = await opener.open(
      source,
      openOptions({
        onProgress: (progress) => told.push(progress),
        letGo: async () => void told.push('let go'),
      }),
    )
    expect(told).toEqual([
      { phase: 'reading', done: 0, total: 0 },
      { phase: 'downloading', done: 0, total: 540e6 },
      { phase: 'downloading', done: 130 * 2 ** 20, total: 520 * 2 ** 20 },
      'let go',
      { phase: 'building', done: 260 * 2 ** 20, total: 520 * 2 ** 20 },
      { phase: 'building', done: 540e6, total: 540e6 },
    ])
    expect(opened.engines[0]?.options).toMatchObject({
      context_window_size: 256,
      temperature: 1,
      repetition_penalty: 1,
    })
    await teacher.release()
    expect(opened.workers[0]?.ended).toBe(true)
  })

  test('stopped, ends its worker at once, and the model that was loaded stays', async () => {
    const stop = new AbortController()
    let letGo = false
    const { opener, opened } = makeOpener((engine) => {
      engine.onReload = () => new Promise(() => setTimeout(() => stop.abort(), 5))
    })
    await expect(
      opener.open(source, openOptions({ signal: stop.signal, letGo: async () => void (letGo = true) })),
    ).rejects.toMatchObject({ name: 'AbortError' })
    expect([opened.workers[0]?.ended, letGo]).toEqual([true, false])
  })

  const faults: readonly (readonly [string, () => never, RetortError['name'], RegExp])[] = [
    [
      'WebGPU that is gone',
      () => fail('WebGPUNotAvailableError', 'WebGPU is not supported'),
      'ModelRefused',
      /A GGUF file works without one/,
    ],
    [
      '16-bit numbers that are missing',
      () => fail('ShaderF16SupportError', 'needs f16'),
      'ModelRefused',
      /name has f32 in it/,
    ],
    [
      'a file that the host does not give',
      () => fail('NetworkError', "Failed to execute 'add' on 'Cache': Request failed"),
      'DownloadFailed',
      /load it again to go on/,
    ],
    [
      'a cut connection',
      () => fail('TypeError', 'Failed to fetch'),
      'DownloadFailed',
      /What came whole is kept/,
    ],
    [
      'a full disk',
      () => fail('Error', 'QuotaExceededError: Quota exceeded.'),
      'StorageFull',
      /Delete another model/,
    ],
    [
      'a card that is lost',
      () => fail('DeviceLostError', 'The WebGPU device was lost'),
      'DeviceLost',
      /Choose a smaller model/,
    ],
    [
      'a program that is none',
      () => fail('CompileError', 'WebAssembly.instantiate(): expected magic word'),
      'DownloadFailed',
      /came damaged/,
    ],
    [
      'a card that is too small',
      () =>
        fail(
          'Error',
          'Cannot initialize runtime because of requested maxComputeWorkgroupStorageSize exceeds limit. requested=32768, limit=16384.',
        ),
      'ModelRefused',
      /limit=16384/,
    ],
    ['what nobody foresaw', () => fail('Error', 'ouch'), 'Unexpected', /could not load .*: ouch/],
  ]
  test.each(faults)('%s is told by its name, in a sentence', async (_, throwing, name, sentence) => {
    const { opener, opened } = makeOpener((engine) => {
      engine.onReload = async () => throwing()
    })
    await expect(opener.open(source, openOptions())).rejects.toMatchObject({
      name,
      message: expect.stringMatching(sentence),
    })
    expect(opened.workers.every(({ ended }) => ended)).toBe(true)
    // What came damaged would be read again for ever.
    expect(opened.engines[0]?.log.filter((line) => line.startsWith('delete'))).toEqual(
      /damaged/.test(String(sentence)) ? ['delete program'] : [],
    )
  })
})

/** Engines that lose their card: the first after some positions, and how the later ones do. */
const losing = (steps: readonly number[]): Prepare => {
  let made = 0
  return (engine) => {
    const limit = steps[made++] ?? Infinity
    let done = 0
    engine.beforeStep = () => {
      if (++done <= limit) return
      engine.lose()
      throw new DOMException('A valid external Instance reference no longer exists.', 'AbortError')
    }
  }
}

describe('a graphics card that is lost', () => {
  test('is answered by a new worker: what was told stays told, the rest is written as it would have been', async () => {
    const calm = await makeOpener().opener.open(source, openOptions())
    const requests = ['a', 'b', 'c', 'd'].map((id) => ask(id))
    const wanted = (await completeAll(calm, requests)).results
    const { opener, opened } = makeOpener(losing([9]))
    const teacher = await opener.open(source, openOptions())
    const { results } = await completeAll(teacher, requests)
    expect(opened.workers.map(({ ended }) => ended)).toEqual([true, false])
    expect(results).toEqual(wanted)
  })

  test('again and again without an answer between ends, under its name', async () => {
    const { opener, opened } = makeOpener(losing([9, 2, 2]))
    const teacher = await opener.open(source, openOptions())
    await expect(
      completeAll(
        teacher,
        ['a', 'b', 'c'].map((id) => ask(id)),
      ),
    ).rejects.toMatchObject({ name: 'DeviceLost', message: expect.stringMatching(/Choose a smaller model/) })
    expect(opened.workers.length).toBe(2)
    // Asked again it begins anew, and this card holds.
    expect((await completeAll(teacher, [ask('a', 1)])).results.get('a')?.ending).toBe('length')
    expect(opened.workers.length).toBe(3)
  })
})

test('a worker that breaks down is told by name, and the next question loads the model again', async () => {
  const { opener, opened } = makeOpener()
  const teacher = await opener.open(source, openOptions())
  const going = completeAll(teacher, [ask('long', 100)], {
    onBegun: () => opened.workers[0]?.breakDown('out of memory'),
  })
  await expect(going).rejects.toMatchObject({
    name: 'WorkerDied',
    message: expect.stringMatching(/out of memory/),
  })
  expect((await completeAll(teacher, [ask('again')])).results.get('again')?.ending).toBe('length')
  await teacher.release()
  await expect(completeAll(teacher, [ask('gone')])).rejects.toMatchObject({ name: 'NotLoaded' })
})
