// A model of WebLLM's catalogue is opened in a worker of its own: refusals before loading, progress, and what happens when it is stopped,
// when loading fails, when the graphics card is lost and when the worker dies.
import { describe, expect, test } from 'vitest'
import type { CompletionRequest } from '../../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../../src/domain/sampling.ts'
import type { RetortError } from '../../../../src/protocol/errors.ts'
import type { LoadProgress } from '../../../../src/protocol/teacher.ts'
import { completeAll } from '../contract.ts'
import { makeOpener, MODEL, openOptions, type Prepare } from './stand-in-model.ts'

const source = { kind: 'web-llm', model: MODEL } as const
const signal = new AbortController().signal
const makeRequest = (id: string, maxTokens = 6): CompletionRequest => ({
  id,
  input: { kind: 'raw', text: `Row ${id}` },
  sampling: { ...GREEDY, maxTokens, rngSeed: id },
})
const fail = (name: string, message: string): never => {
  throw Object.assign(new Error(message), { name })
}

describe('before anything is downloaded', () => {
  test('describes the memory that a model needs without starting a worker', async () => {
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
      '16-bit floats on a graphics card without them',
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
  ])('refuses %s and names an alternative', async (_, model, gpu, sentence) => {
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
  test('reports megabytes and unloads the previous model once everything is downloaded', async () => {
    const reported: (LoadProgress | 'unloaded')[] = []
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
        onProgress: (progress) => reported.push(progress),
        unloadPrevious: async () => void reported.push('unloaded'),
      }),
    )
    expect(reported).toEqual([
      { phase: 'reading', done: 0, total: 0 },
      { phase: 'downloading', done: 0, total: 540e6 },
      { phase: 'downloading', done: 130 * 2 ** 20, total: 520 * 2 ** 20 },
      'unloaded',
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

  test('terminates its worker when stopped and leaves the loaded model in place', async () => {
    const stop = new AbortController()
    let unloaded = false
    const { opener, opened } = makeOpener((engine) => {
      engine.onReload = () => new Promise(() => setTimeout(() => stop.abort(), 5))
    })
    await expect(
      opener.open(
        source,
        openOptions({ signal: stop.signal, unloadPrevious: async () => void (unloaded = true) }),
      ),
    ).rejects.toMatchObject({ name: 'AbortError' })
    expect([opened.workers[0]?.ended, unloaded]).toEqual([true, false])
  })

  const failures: readonly (readonly [string, () => never, RetortError['name'], RegExp])[] = [
    [
      'missing WebGPU',
      () => fail('WebGPUNotAvailableError', 'WebGPU is not supported'),
      'ModelRefused',
      /A GGUF file works without one/,
    ],
    [
      'missing 16-bit floats',
      () => fail('ShaderF16SupportError', 'needs f16'),
      'ModelRefused',
      /name has f32 in it/,
    ],
    [
      'a file that the host does not send',
      () => fail('NetworkError', "Failed to execute 'add' on 'Cache': Request failed"),
      'DownloadFailed',
      /load it again to resume/,
    ],
    [
      'a cut connection',
      () => fail('TypeError', 'Failed to fetch'),
      'DownloadFailed',
      /Complete files are stored/,
    ],
    [
      'a full disk',
      () => fail('Error', 'QuotaExceededError: Quota exceeded.'),
      'StorageFull',
      /Delete another model/,
    ],
    [
      'a lost graphics card',
      () => fail('DeviceLostError', 'The WebGPU device was lost'),
      'DeviceLost',
      /Choose a smaller model/,
    ],
    [
      'a damaged program',
      () => fail('CompileError', 'WebAssembly.instantiate(): expected magic word'),
      'DownloadFailed',
      /is damaged/,
    ],
    [
      'a graphics card that is too small',
      () =>
        fail(
          'Error',
          'Cannot initialize runtime because of requested maxComputeWorkgroupStorageSize exceeds limit. requested=32768, limit=16384.',
        ),
      'ModelRefused',
      /limit=16384/,
    ],
    ['an unknown error', () => fail('Error', 'ouch'), 'Unexpected', /could not load .*: ouch/],
  ]
  test.each(failures)('reports %s under its name with a sentence', async (_, fails, name, sentence) => {
    const { opener, opened } = makeOpener((engine) => {
      engine.onReload = async () => fails()
    })
    await expect(opener.open(source, openOptions())).rejects.toMatchObject({
      name,
      message: expect.stringMatching(sentence),
    })
    expect(opened.workers.every(({ ended }) => ended)).toBe(true)
    // A damaged file would otherwise be read again each time.
    expect(opened.engines[0]?.log.filter((line) => line.startsWith('delete'))).toEqual(
      /damaged/.test(String(sentence)) ? ['delete program'] : [],
    )
  })
})

/** Engines that lose their graphics card after a number of positions, one number per engine. */
const loseAfter = (steps: readonly number[]): Prepare => {
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

describe('a lost graphics card', () => {
  test('continues in a new worker with the same results', async () => {
    const reference = await makeOpener().opener.open(source, openOptions())
    const requests = ['a', 'b', 'c', 'd'].map((id) => makeRequest(id))
    const expected = (await completeAll(reference, requests)).results
    const { opener, opened } = makeOpener(loseAfter([9]))
    const teacher = await opener.open(source, openOptions())
    const { results } = await completeAll(teacher, requests)
    expect(opened.workers.map(({ ended }) => ended)).toEqual([true, false])
    expect(results).toEqual(expected)
  })

  test('ends with DeviceLost if no result comes between two losses', async () => {
    const { opener, opened } = makeOpener(loseAfter([9, 2, 2]))
    const teacher = await opener.open(source, openOptions())
    await expect(
      completeAll(
        teacher,
        ['a', 'b', 'c'].map((id) => makeRequest(id)),
      ),
    ).rejects.toMatchObject({ name: 'DeviceLost', message: expect.stringMatching(/Choose a smaller model/) })
    expect(opened.workers.length).toBe(2)
    // The next call starts a new worker, whose card is not lost.
    expect((await completeAll(teacher, [makeRequest('a', 1)])).results.get('a')?.finishReason).toBe('length')
    expect(opened.workers.length).toBe(3)
  })
})

test('reports a worker that dies under its name, and loads the model again for the next call', async () => {
  const { opener, opened } = makeOpener()
  const teacher = await opener.open(source, openOptions())
  const call = completeAll(teacher, [makeRequest('long', 100)], {
    onStarted: () => opened.workers[0]?.breakDown('out of memory'),
  })
  await expect(call).rejects.toMatchObject({
    name: 'WorkerDied',
    message: expect.stringMatching(/out of memory/),
  })
  expect((await completeAll(teacher, [makeRequest('again')])).results.get('again')?.finishReason).toBe(
    'length',
  )
  await teacher.release()
  await expect(completeAll(teacher, [makeRequest('gone')])).rejects.toMatchObject({ name: 'NotLoaded' })
})
