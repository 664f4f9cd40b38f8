// A student with adapters on an imported model: it learns, is stored without its base model, resumes bit for bit, generates with the model's
// own template, and reports what is missing.
import { beforeAll, describe, expect, test } from 'vitest'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { CompletionResult } from '../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import type { BaseModel } from '../../../src/domain/student.ts'
import { tokenizerFromGguf } from '../../../src/engine/tokenizers/tokenizer.ts'
import { readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { templateOf } from '../../../src/engine/tokenizers/templates/template-families.ts'
import { readHeaderOf } from '../../../src/engine/weights/gguf/gguf-header.ts'
import { readText } from '../../../src/engine/weights/gguf/metadata.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { StudentCompleter } from '../../../workers/student/complete.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { readStoredStudent } from '../../../workers/student/stored-student.ts'
import { renderByTemplate } from '../../../workers/student/rendering.ts'
import { toGenerateRequest } from '../../../workers/teachers/tokenize-request.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { hasSharedModel, readSharedHeader, whySkipped } from '../../engine/shared-model.ts'
import { writeSmallGguf } from '../../engine/weights/gguf/small-gguf.ts'
import { IDS, makeRows, type MemoryStores } from './memory-stores.ts'
import {
  adapt,
  keep,
  LORA,
  makeOtherRows,
  makeShopRows,
  makeSmallModel,
  makeStores,
  readBuiltInTeacher,
} from './train-adapters.ts'

const quiet = { signal: new AbortController().signal, emit: () => undefined }
const prompts = makeOtherRows(24, 6)
  .slice(22, 28)
  .map(({ prompt }) => prompt)
const requests = prompts.map((content, i) => ({
  id: String(i),
  input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
  sampling: { ...GREEDY, maxTokens: 20, rngSeed: 'lora' },
}))

async function complete(stores: MemoryStores, which: 'before' | 'after'): Promise<string[]> {
  const completer = new StudentCompleter(stores, { openRuntime: openTestRuntime })
  const results: CompletionResult[] = []
  await completer.complete(
    { ...IDS, which, requests },
    { ...quiet, emit: (event) => event.kind === 'completion' && results.push(event.result) },
  )
  await completer.close()
  return results.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ text }) => text)
}

async function completeAsTeacher(bytes: Uint8Array): Promise<string[]> {
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
    'learns what the base model did not say and leaves the base model unchanged',
    { timeout: 120_000 },
    async () => {
      const stores = makeStores()
      const on = await keep(stores, 'small.gguf', model)
      const { outcome, events } = await adapt(stores, on, { steps: 60, evaluateEvery: 20 })
      expect(outcome).toMatchObject({ outcome: 'finished', step: 60 })
      const points = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
      const heldOut = points.flatMap((point) => (point.heldOut === undefined ? [] : [point.heldOut]))
      expect(heldOut).toHaveLength(3)
      expect(heldOut[2]).toBeLessThan(0.5 * (points[0]?.train ?? 0))
      const [shape] = events.flatMap((event) => (event.kind === 'shape' ? [event] : []))
      expect(shape).toMatchObject({
        trainedParameters: expect.any(Number) as number,
        truncatedRows: 0,
        skippedRows: 0,
      })
      expect(shape?.trainedParameters).toBeLessThan(0.5 * (shape?.parameters ?? 0))
      expect(events.flatMap((event) => (event.kind === 'phase' ? [event.phase] : []))).toEqual([
        'tokenizer',
        'packing',
        'loading',
        'building',
        'training',
      ])
      const initialTexts = await complete(stores, 'before')
      expect(initialTexts).toEqual(await completeAsTeacher(model))
      for (const text of initialTexts) expect(text).toMatch(/^The \w+ is/)
      for (const text of initialTexts) expect(text).not.toMatch(COLOURED)
      for (const text of await complete(stores, 'after')) expect(text).toMatch(COLOURED)
      expect(events.flatMap((event) => (event.kind === 'samples' ? event.samples : [])).at(-1)?.text).toMatch(
        COLOURED,
      )
    },
  )

  test('renders rows with the chat format that was chosen, in training, afterwards and in exports', async () => {
    const stores = makeStores()
    const own = await keep(stores, 'small.gguf', model)
    const chosen: BaseModel = { ...own, chatFormat: 'zephyr' }
    const short = { steps: 2, evaluateEvery: 2 }
    await adapt(stores, own, short)
    await expect(adapt(stores, chosen, short)).rejects.toMatchObject({ name: 'ModelRefused' }) // another student
    const other = makeStores()
    await keep(other, 'small.gguf', model)
    await adapt(other, chosen, short)
    expect(hashOfBytes(other.checkpoint!)).not.toBe(hashOfBytes(stores.checkpoint!))
    const stored = await readStoredStudent(other, IDS.projectId, IDS.studentId)
    expect(stored?.tokenizer.templateFamily).toBe('zephyr')
    const { value } = await exportStudent({ ...IDS, format: 'gguf' }, other)
    const header = await readHeaderOf(sourceFromBytes('out.gguf', value.files[0]?.bytes ?? new Uint8Array()))
    expect(header.kind === 'header' && readText(header.header.metadata, 'tokenizer.chat_template')).toBe(
      templateOf('zephyr'),
    )
  })

  test('stores only the adapters in a checkpoint', async () => {
    const stores = makeStores()
    const { events } = await adapt(stores, await keep(stores, 'built-in', readBuiltInTeacher()), {
      rank: 2,
      projections: 'attention',
      steps: 1,
      evaluateEvery: 1,
    })
    const trained =
      events.flatMap((event) => (event.kind === 'shape' ? [event.trainedParameters ?? 0] : []))[0] ?? 0
    // Six layers: q 192 to 192, k and v 192 to 64, output 192 to 192.
    expect(trained).toBe(6 * 2 * (2 * (192 + 192) + 2 * (192 + 64)))
    expect(stores.checkpoint?.length).toBeLessThan(4 * 4 * trained + 2000)
    const read = readCheckpoint(stores.checkpoint ?? new Uint8Array())
    if (!read.ok) throw new Error(read.sentence)
    expect(read.checkpoint.adapts).toEqual({ rank: 2, alpha: 8, targets: ['q', 'k', 'v', 'output'] })
  })

  const everything = {
    steps: 10,
    evaluateEvery: 3,
    gradientAccumulation: 2,
    packing: true,
    emaDecay: 0.9,
    patience: 50,
    curriculum: 'short-first',
    schedule: 'warm-stable-decay',
  } as const
  test.each([
    ['default settings', {}],
    ['gradient accumulation, packing, EMA and patience', everything],
  ] as const)(
    'ends with the same checkpoint after a stop and resume as without, with %s',
    { timeout: 120_000 },
    async (_, changes) => {
      const [whole, halves] = [makeStores(), makeStores()]
      const on = await keep(whole, 'small.gguf', model)
      await keep(halves, 'small.gguf', model)
      await adapt(whole, on, changes)
      expect((await adapt(halves, on, changes, 5)).outcome).toEqual({ outcome: 'stopped', step: 5 })
      const { outcome, events } = await adapt(halves, on, changes)
      expect(outcome).toMatchObject({ outcome: 'finished', step: changes === everything ? 10 : 12 })
      expect(events.flatMap((event) => (event.kind === 'step' ? [event.point.step] : []))[0]).toBe(6)
      expect(hashOfBytes(halves.checkpoint!)).toBe(hashOfBytes(whole.checkpoint!))
    },
  )

  test('trains on the built-in teacher too', { timeout: 120_000 }, async () => {
    const stores = makeStores(makeShopRows())
    const on: BaseModel = {
      ...(await keep(stores, 'built-in', readBuiltInTeacher())),
      source: { kind: 'built-in', url: 'built-in' },
    }
    const { events } = await adapt(stores, on, { steps: 20, evaluateEvery: 20, rank: 8, learningRate: 0.004 })
    const points = events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
    expect(points.at(-1)?.heldOut).toBeLessThan(0.1 * (points[0]?.train ?? 0))
    for (const text of await complete(stores, 'after'))
      expect(text).toMatch(/^Thank you for your order\. Answer: (7|12)$/)
  })
})

describe('renderByTemplate', () => {
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
      const { ids, promptLength } = rendering.example(row)
      expect(ids.slice(0, promptLength), String(i)).toEqual(
        toGenerateRequest(
          { id: '', input: { kind: 'chat', messages }, sampling: { ...GREEDY, maxTokens: 1, rngSeed: '' } },
          tokenizer,
        ).tokens,
      )
      expect(tokenizer.decode(ids.slice(promptLength))).toBe(`${row.completion}${end}`)
    }
  }
  test('formats rows like requests to the built-in teacher', async () => {
    const header = await readHeaderOf(sourceFromBytes('built-in', readBuiltInTeacher()))
    const made = header.kind === 'header' ? tokenizerFromGguf(header.header.metadata) : undefined
    if (!made?.ok) throw new Error('no tokenizer')
    check(made.tokenizer, '<|end|>')
  })
  test.skipIf(!hasSharedModel)(
    `formats rows like requests to SmolLM2, with its end token${whySkipped}`,
    async () => {
      const made = tokenizerFromGguf((await readSharedHeader()).metadata)
      if (!made.ok) throw new Error(made.sentence)
      check(made.tokenizer, '<|im_end|>')
    },
  )
})

describe('training adapters', () => {
  const reject = (work: Promise<unknown>) => expect(work).rejects
  test('refuses while the base model is missing and resumes when it is stored again', async () => {
    const stores = makeStores()
    const on = await keep(stores, 'small.gguf', model)
    await adapt(stores, on, { steps: 4 }, 2)
    stores.models.clear()
    const sentence =
      /^Retort student, the base model of this student’s adapters, is no longer stored in this browser\. Store the same file again on the Teacher screen, under the name “small\.gguf”, then resume\.$/
    const gone = { name: 'ModelMissing', message: expect.stringMatching(sentence) as string }
    await reject(adapt(stores, on, { steps: 4 })).toMatchObject(gone)
    await reject(complete(stores, 'after')).toMatchObject(gone)
    for (const format of ['adapter', 'huggingface', 'gguf'] as const)
      await reject(exportStudent({ ...IDS, format }, stores)).toMatchObject(gone)
    await keep(stores, 'small.gguf', model)
    expect((await adapt(stores, on, { steps: 4 })).outcome).toMatchObject({ outcome: 'finished', step: 4 })
  })

  test('refuses another file with the name of the base model', async () => {
    const stores = makeStores()
    const on = await keep(stores, 'small.gguf', model)
    await adapt(stores, on, { steps: 2 })
    await keep(stores, 'small.gguf', readBuiltInTeacher())
    const other = {
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^The file “model\.gguf” is not the base model of this student’s adapters: its fingerprint is 0a828d0ff7b529b1, and/,
      ) as string,
    }
    await reject(adapt(stores, on, { steps: 2 })).toMatchObject(other)
    await reject(complete(stores, 'before')).toMatchObject(other)
    await reject(exportStudent({ ...IDS, format: 'gguf' }, stores)).toMatchObject(other)
  })

  test('refuses without a base model and with one that does not support adapters', async () => {
    const stores = makeStores()
    await reject(adapt(stores, undefined)).toMatchObject({
      name: 'ModelMissing',
      message: expect.stringMatching(/none was chosen\. Choose one on the Student screen\.$/) as string,
    })
    const withoutTemplate = await keep(
      stores,
      'withoutTemplate',
      writeSmallGguf({ 'tokenizer.chat_template': undefined }),
    )
    await reject(adapt(stores, withoutTemplate)).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Small has no chat template, .* Choose a model that was tuned for chat/,
      ) as string,
    })
    const untiedHead = await keep(
      stores,
      'untiedHead',
      writeSmallGguf({}, (tensors) => [
        ...tensors,
        { ...tensors.find(({ name }) => name === 'token_embd.weight')!, name: 'output.weight' },
      ]),
    )
    await reject(adapt(stores, untiedHead)).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Small has a head that is not tied to its embedding, which adapter training does not support/,
      ) as string,
    })
    const scaledRope = await keep(
      stores,
      'scaledRope',
      writeSmallGguf({
        'llama.rope.scaling.factor': { kind: 'f32', value: 2 },
        'llama.attention.sliding_window': { kind: 'u32', value: 64 },
      }),
    )
    await reject(adapt(stores, scaledRope)).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /^Small has scaled RoPE and layers with a sliding window, which adapter training/,
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
      message: expect.stringMatching(/^Small has scaled RoPE, which adapter training/) as string,
    })
  })

  test('refuses adapters as a base for another loss, and the export of adapters that do not exist', async () => {
    const stores = makeStores()
    const on = await keep(stores, 'small.gguf', model)
    await adapt(stores, on, { steps: 2 })
    const { train } = await import('../../../workers/student/train.ts')
    const { rank: _, alpha: __, projections: ___, ...common } = LORA
    const rewards = {
      ...common,
      loss: 'grpo' as const,
      completionsPerPrompt: 2,
      maxTokens: 8,
      temperature: 1,
      beta: 0,
    }
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
        /^This objective does not support a student with adapters on an imported model/,
      ) as string,
    })
    const { trainSmall } = await import('./train-small.ts')
    await reject(exportStudent({ ...IDS, format: 'adapter' }, await trainSmall(1))).toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/^This student has no adapters/) as string,
    })
  })
})
