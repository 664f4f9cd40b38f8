// A student that is adapters on an imported model: it learns, is stored without its model, is taken up again bit for bit, writes as the
// model with its own template, and says what is missing.
import { beforeAll, describe, expect, test } from 'vitest'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { GREEDY, type CompletionResult } from '../../../src/domain/model.ts'
import type { AdaptedModel } from '../../../src/domain/student.ts'
import { tokenizerFromGguf } from '../../../src/engine/tokenizers/tokenizer.ts'
import { readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { readHeaderOf } from '../../../src/engine/weights/gguf-header.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { StudentWriter } from '../../../workers/student/complete.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { renderByTemplate } from '../../../workers/student/rendering.ts'
import { toGenerateRequest } from '../../../workers/teachers/ask.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { hasSharedModel, readSharedHeader, whySkipped } from '../../engine/shared-model.ts'
import { writeSmallGguf } from '../../engine/weights/small-gguf.ts'
import { IDS, makeRows, type MemoryStores } from './memory-stores.ts'
import {
  adapt,
  keep,
  LORA,
  makeOtherRows,
  makeShopRows,
  makeSmallModel,
  makeStores,
  readBox,
} from './train-adapters.ts'

const quiet = { signal: new AbortController().signal, emit: () => undefined }
const questions = makeOtherRows(24, 6)
  .slice(22, 28)
  .map(({ prompt }) => prompt)
const requests = questions.map((content, i) => ({
  id: String(i),
  asked: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
  sampling: { ...GREEDY, maxTokens: 20, rngSeed: 'lora' },
}))

async function write(stores: MemoryStores, which: 'before' | 'after'): Promise<string[]> {
  const writer = new StudentWriter(stores, openTestRuntime)
  const results: CompletionResult[] = []
  await writer.complete(
    { ...IDS, which, requests },
    { ...quiet, emit: (event) => event.kind === 'completion' && results.push(event.result) },
  )
  await writer.close()
  return results.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ text }) => text)
}

async function writeAsTeacher(bytes: Uint8Array): Promise<string[]> {
  const teacher = await openGguf(sourceFromBytes('model.gguf', bytes), {
    backend: 'wasm',
    contextLength: 64,
    signal: quiet.signal,
    onProgress: () => undefined,
    runtime: await openTestRuntime(),
  })
  const results: CompletionResult[] = []
  await teacher.complete(requests, {
    signal: quiet.signal,
    onProgress: () => undefined,
    onResult: (result) => results.push(result),
  })
  await teacher.release()
  return results.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ text }) => text)
}

const COLOURED = /^The (red|green|blue|yellow) is (red|green|blue|yellow)\.$/
let model: Uint8Array
beforeAll(async () => void (model = await makeSmallModel()), 120_000)

describe('adapters on an imported model', () => {
  test(
    'learn what the model did not say, and the model itself is as it was before',
    { timeout: 120_000 },
    async () => {
      const stores = makeStores()
      const on = await keep(stores, 'small.gguf', model)
      const { outcome, events } = await adapt(stores, on, { steps: 60, evaluateEvery: 20 })
      expect(outcome).toEqual({ ending: 'finished', step: 60 })
      const points = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
      const heldOut = points.flatMap((point) => (point.heldOut === undefined ? [] : [point.heldOut]))
      expect(heldOut).toHaveLength(3)
      expect(heldOut[2]).toBeLessThan(0.5 * (points[0]?.train ?? 0))
      const [shape] = events.flatMap((event) => (event.kind === 'shape' ? [event] : []))
      expect(shape).toMatchObject({ trained: expect.any(Number) as number, cutRows: 0, leftOutRows: 0 })
      expect(shape?.trained).toBeLessThan(0.5 * (shape?.parameters ?? 0))
      expect(events.flatMap((event) => (event.kind === 'phase' ? [event.phase] : []))).toEqual([
        'tokenizer',
        'packing',
        'loading',
        'building',
        'training',
      ])
      const before = await write(stores, 'before')
      expect(before).toEqual(await writeAsTeacher(model))
      for (const text of before) expect(text).toMatch(/^The \w+ is/)
      for (const text of before) expect(text).not.toMatch(COLOURED)
      for (const text of await write(stores, 'after')) expect(text).toMatch(COLOURED)
      expect(events.flatMap((event) => (event.kind === 'samples' ? event.samples : [])).at(-1)?.text).toMatch(
        COLOURED,
      )
    },
  )

  test('are all that a checkpoint holds of them', async () => {
    const stores = makeStores()
    const { events } = await adapt(stores, await keep(stores, 'box', readBox()), {
      rank: 2,
      projections: 'attention',
      steps: 1,
      evaluateEvery: 1,
    })
    const trained = events.flatMap((event) => (event.kind === 'shape' ? [event.trained ?? 0] : []))[0] ?? 0
    // Six layers: q 192 to 192, k and v 192 to 64, output 192 to 192.
    expect(trained).toBe(6 * 2 * (2 * (192 + 192) + 2 * (192 + 64)))
    expect(stores.checkpoint?.length).toBeLessThan(3 * 4 * trained + 2000)
    const read = readCheckpoint(stores.checkpoint ?? new Uint8Array())
    if (!read.ok) throw new Error(read.sentence)
    expect(read.checkpoint.adapts).toEqual({ rank: 2, alpha: 8, targets: ['q', 'k', 'v', 'output'] })
  })

  const everything = {
    steps: 10,
    evaluateEvery: 3,
    accumulate: 2,
    packing: true,
    averaging: 0.9,
    patience: 50,
    curriculum: 'short-first',
    schedule: 'warm-stable-decay',
  } as const
  test.each([
    ['plainly', {}],
    ['with parts of a step, packing, an average and patience', everything],
  ] as const)(
    'stopped and taken up again end with the very numbers of those that were not, %s',
    { timeout: 120_000 },
    async (_, changes) => {
      const [whole, halves] = [makeStores(), makeStores()]
      const on = await keep(whole, 'small.gguf', model)
      await keep(halves, 'small.gguf', model)
      await adapt(whole, on, changes)
      expect((await adapt(halves, on, changes, 5)).outcome).toEqual({ ending: 'stopped', step: 5 })
      const { outcome, events } = await adapt(halves, on, changes)
      expect(outcome).toMatchObject({ ending: 'finished', step: changes === everything ? 10 : 12 })
      expect(events.flatMap((event) => (event.kind === 'step' ? [event.point.step] : []))[0]).toBe(6)
      expect(hashOfBytes(halves.checkpoint!)).toBe(hashOfBytes(whole.checkpoint!))
    },
  )

  test('lie on the teacher in the box too', { timeout: 120_000 }, async () => {
    const stores = makeStores(makeShopRows())
    const on: AdaptedModel = {
      ...(await keep(stores, 'box', readBox())),
      source: { kind: 'box', url: 'box' },
    }
    const { events } = await adapt(stores, on, { steps: 20, evaluateEvery: 20, rank: 8, learningRate: 0.004 })
    const points = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
    expect(points.at(-1)?.heldOut).toBeLessThan(0.1 * (points[0]?.train ?? 0))
    for (const text of await write(stores, 'after'))
      expect(text).toMatch(/^Thank you for your order\. Answer: (7|12)$/)
  })
})

describe('rows for an imported model', () => {
  const check = (
    tokenizer: Extract<ReturnType<typeof tokenizerFromGguf>, { ok: true }>['tokenizer'],
    end: string,
  ): void => {
    const rendering = renderByTemplate(tokenizer)
    for (const [i, row] of [...makeRows(2, 0), ...makeRows(1, 0, 'Answer briefly.')].entries()) {
      const messages = [
        ...(row.system ? [{ role: 'system' as const, content: row.system }] : []),
        { role: 'user' as const, content: row.prompt },
      ]
      const { ids, border } = rendering.example(row)
      expect(ids.slice(0, border), String(i)).toEqual(
        toGenerateRequest(
          { id: '', asked: { kind: 'chat', messages }, sampling: { ...GREEDY, maxTokens: 1, rngSeed: '' } },
          tokenizer,
        ).tokens,
      )
      expect(tokenizer.decode(ids.slice(border))).toBe(`${row.completion}${end}`)
    }
  }
  test('are put as the teacher in the box is asked', async () => {
    const header = await readHeaderOf(sourceFromBytes('box', readBox()))
    const made = header.kind === 'header' ? tokenizerFromGguf(header.header.metadata) : undefined
    if (!made?.ok) throw new Error('no tokenizer')
    check(made.tokenizer, '<|end|>')
  })
  test.skipIf(!hasSharedModel)(`are put as SmolLM2 is asked, with its own end${whySkipped}`, async () => {
    const made = tokenizerFromGguf((await readSharedHeader()).metadata)
    if (!made.ok) throw new Error(made.sentence)
    check(made.tokenizer, '<|im_end|>')
  })
})

describe('a sentence is told', () => {
  const reject = (work: Promise<unknown>) => expect(work).rejects
  test('where the model is gone, and everything goes on when it is back', async () => {
    const stores = makeStores()
    const on = await keep(stores, 'small.gguf', model)
    await adapt(stores, on, { steps: 4 }, 2)
    stores.models.clear()
    const sentence =
      /^Retort student, on which this student’s adapters lie, is not kept in this browser any more\. Keep the same file again on the Teacher screen, under the name “small\.gguf”, and go on\.$/
    const gone = { name: 'ModelMissing', message: expect.stringMatching(sentence) as string }
    await reject(adapt(stores, on, { steps: 4 })).toMatchObject(gone)
    await reject(write(stores, 'after')).toMatchObject(gone)
    for (const format of ['adapter', 'huggingface', 'gguf'] as const)
      await reject(exportStudent({ ...IDS, format }, stores)).toMatchObject(gone)
    await keep(stores, 'small.gguf', model)
    expect((await adapt(stores, on, { steps: 4 })).outcome).toEqual({ ending: 'finished', step: 4 })
  })

  test('where another file lies under its name', async () => {
    const stores = makeStores()
    const on = await keep(stores, 'small.gguf', model)
    await adapt(stores, on, { steps: 2 })
    await keep(stores, 'small.gguf', readBox())
    const other = {
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^The file “model\.gguf” is not the one on which this student’s adapters lie: it says 0a828d0ff7b529b1 of itself/,
      ) as string,
    }
    await reject(adapt(stores, on, { steps: 2 })).toMatchObject(other)
    await reject(write(stores, 'before')).toMatchObject(other)
    await reject(exportStudent({ ...IDS, format: 'gguf' }, stores)).toMatchObject(other)
  })

  test('where no model was chosen, and where one cannot carry adapters', async () => {
    const stores = makeStores()
    await reject(adapt(stores, undefined)).toMatchObject({
      name: 'ModelMissing',
      message: expect.stringMatching(/none was chosen\. Choose one on the Student screen\.$/) as string,
    })
    const speechless = await keep(
      stores,
      'speechless',
      writeSmallGguf({ 'tokenizer.chat_template': undefined }),
    )
    await reject(adapt(stores, speechless)).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Small has no chat template, .* Choose a model that was tuned for chat/,
      ) as string,
    })
    const headed = await keep(
      stores,
      'headed',
      writeSmallGguf({}, (tensors) => [
        ...tensors,
        { ...tensors.find(({ name }) => name === 'token_embd.weight')!, name: 'output.weight' },
      ]),
    )
    await reject(adapt(stores, headed)).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Small has a head of its own beside its embedding, and adapters are trained here on models without/,
      ) as string,
    })
    const stretched = await keep(
      stores,
      'stretched',
      writeSmallGguf({
        'llama.rope.scaling.factor': { kind: 'f32', value: 2 },
        'llama.attention.sliding_window': { kind: 'u32', value: 64 },
      }),
    )
    await reject(adapt(stores, stretched)).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Small has stretched positions and layers that see a window only, and adapters/,
      ) as string,
    })
    const factors = await keep(
      stores,
      'factors',
      writeSmallGguf({}, (tensors) => [
        ...tensors,
        { name: 'rope_freqs.weight', type: 'F32', shape: [4], bytes: new Uint8Array(16) },
      ]),
    )
    await reject(adapt(stores, factors)).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/^Small has stretched positions, and adapters/) as string,
    })
  })

  test('where another loss would go on from adapters, and where a student without adapters is to give some', async () => {
    const stores = makeStores()
    const on = await keep(stores, 'small.gguf', model)
    await adapt(stores, on, { steps: 2 })
    const { train } = await import('../../../workers/student/train.ts')
    const { rank: _, alpha: __, projections: ___, ...common } = LORA
    const rewards = { ...common, loss: 'grpo' as const, answers: 2, answerTokens: 8, temperature: 1, beta: 0 }
    const other = {
      ...stores,
      readCheckpoint: async (_project: unknown, student: string) =>
        student === 'next' ? undefined : stores.checkpoint,
    }
    await reject(
      train(
        {
          ...IDS,
          studentId: 'next' as typeof IDS.studentId,
          base: IDS.studentId,
          settings: rewards,
          backend: 'wasm',
        },
        quiet,
        { stores: other, openRuntime: openTestRuntime, now: () => 0 },
      ),
    ).toMatchObject({
      message: expect.stringMatching(
        /^A student that is adapters on an imported model cannot be gone on from/,
      ) as string,
    })
    const { trainSmall } = await import('./train-small.ts')
    await reject(exportStudent({ ...IDS, format: 'adapter' }, await trainSmall(1))).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/^This student has no adapters/) as string,
    })
  })
})
