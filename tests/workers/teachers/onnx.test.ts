// Folders of ONNX files as teachers: those of two exporters keep what every teacher must, and what cannot be run is refused in a sentence.
import { describe, expect, test } from 'vitest'
import type { CompletionResult } from '../../../src/domain/model.ts'
import { GREEDY } from '../../../src/domain/model.ts'
import { sourceFromBytes, type ByteSource } from '../../../src/engine/weights/source.ts'
import type { ModelBundle } from '../../../workers/teachers/bundle.ts'
import { findForm } from '../../../workers/teachers/forms/index.ts'
import { inspectOnnx, openOnnx } from '../../../workers/teachers/onnx.ts'
import { chooseGraph, readGraphs } from '../../../workers/teachers/onnx-graphs.ts'
import { openFolder, readWhole, type FolderName } from '../../engine/onnx-folder.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { describeTeacherContract } from './contract.ts'

const signal = new AbortController().signal
const bundleOf = (
  name: FolderName,
  keep: (path: string) => boolean = () => true,
  more: Readonly<Record<string, ByteSource>> = {},
): ModelBundle => ({
  name,
  files: new Map([...[...openFolder(name).files].filter(([path]) => keep(path)), ...Object.entries(more)]),
})
const open = async (bundle: ModelBundle, wanted?: 'f32' | 'nb4s') =>
  openOnnx(bundle, {
    backend: 'wasm',
    contextLength: 256,
    signal,
    onProgress: () => undefined,
    runtime: await openTestRuntime(),
    ...(wanted === undefined ? {} : { weights: wanted }),
  })
const only = (file: string) => (path: string) => !path.endsWith('.onnx') || path === file

describeTeacherContract('a folder from Optimum', () => open(bundleOf('llama')))
describeTeacherContract('a folder from the model builder of ONNX Runtime', () => open(bundleOf('grouped')))

describe('the card', () => {
  test('counts what the folder’s maker counts, and names the form', async () => {
    const card = await findForm(bundleOf('qwen2')).inspect(bundleOf('qwen2'))
    // 2 · 272 · 32 of embedding and head, and of each of two layers 32 · (32 + 2 · 16) + 64 of biases, 32 · 32, 3 · 32 · 32 and 64 of norms; 32 of the last norm.
    expect(card).toMatchObject({
      form: 'onnx',
      architecture: 'qwen2',
      quantisation: 'F32',
      parameters: 2 * 272 * 32 + 2 * (32 * 64 + 64 + 32 * 32 + 3 * 32 * 32 + 64) + 32,
      vocabularySize: 272,
      layers: 2,
      width: 32,
      contextLength: 256,
      hasChatTemplate: true,
    })
    expect(card.fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })

  test('of four bits it counts the weights that they stand for', async () => {
    const [floats, packed] = [
      await inspectOnnx(bundleOf('llama', only('onnx/model.onnx'))),
      await inspectOnnx(bundleOf('llama', only('onnx/model_q4.onnx'))),
    ]
    expect(packed).toMatchObject({ quantisation: 'Q4', parameters: floats.parameters })
    expect(packed.fingerprint).not.toBe(floats.fingerprint)
    expect((await inspectOnnx(bundleOf('llama', only('onnx/model_fp16.onnx')))).quantisation).toBe('F16')
    // Positions that attention looks up are no weights.
    expect((await inspectOnnx(bundleOf('grouped'))).parameters).toBe(
      2 * 272 * 32 + 2 * (32 * (64 + 2 * 32) + 64 * 32 + 3 * 32 * 32 + 64) + 32,
    )
  })
})

describe('of several graphs', () => {
  const nameOf = async (
    backend: 'wasm' | 'webgpu',
    hasHalves: boolean,
    wanted?: 'f32' | 'nb4s',
  ): Promise<string> =>
    chooseGraph(await readGraphs(bundleOf('llama')), backend, {
      hasHalves,
      name: 'llama',
      ...(wanted ? { wanted } : {}),
    }).graph.path
  test('floats are run where they fit, and what was wanted goes before', async () => {
    expect(await nameOf('wasm', false)).toBe('onnx/model.onnx')
    expect(await nameOf('webgpu', false)).toBe('onnx/model.onnx')
    expect(await nameOf('wasm', false, 'nb4s')).toBe('onnx/model_q4.onnx')
    expect(await nameOf('webgpu', true, 'nb4s')).toBe('onnx/model_q4.onnx')
    const teacher = await open(bundleOf('llama'), 'nb4s')
    expect(teacher.description.card.quantisation).toBe('Q4')
    expect(teacher.description.notes[0]).toBe(
      'Of the 4 graphs in the folder model_q4.onnx is run (Q4): as you chose.',
    )
    await teacher.release()
  })

  test('half precision is refused on a card that has none', async () => {
    const halves = await readGraphs(bundleOf('llama', only('onnx/model_fp16.onnx')))
    expect(() => chooseGraph(halves, 'webgpu', { hasHalves: false, name: 'llama' })).toThrow('shader-f16')
    expect(chooseGraph(halves, 'webgpu', { hasHalves: true, name: 'llama' }).graph.quantisation).toBe('F16')
  })
})

test('of dynamic int8 it is said that rows do not share a run, and why', async () => {
  const teacher = await open(bundleOf('llama', only('onnx/model_quantized.onnx')))
  expect(teacher.description.batch).toBe(1)
  expect(teacher.description.notes.join(' ')).toContain('dynamic quantisation')
  await teacher.release()
})

test('hidden states are refused in a sentence', async () => {
  const teacher = await open(bundleOf('gpt2'))
  const row = { id: 'a', prompt: [5, 6, 7], answer: [8, 9] }
  const options = { choices: 3, temperature: 1, among: Int32Array.from({ length: 200 }, (_, i) => i) }
  await expect(
    teacher.trace([row], { ...options, hidden: true }, { signal, onResult: () => undefined }),
  ).rejects.toThrow('hidden states')
  const traced: number[] = []
  await teacher.trace([row], options, { signal, onResult: ({ places }) => traced.push(places.length) })
  expect(traced).toEqual([9])
  await teacher.release()
})

test('many rows with a beginning in common write what each writes alone', async () => {
  for (const name of ['llama', 'grouped'] as const) {
    const teacher = await open(bundleOf(name))
    const texts = Array.from(
      { length: 11 },
      (_, i) => `the sea and the ships and the shore ${'of bread '.repeat(i % 4)}${i}`,
    )
    const ask = async (rows: readonly string[]): Promise<Map<string, string>> => {
      const results: CompletionResult[] = []
      await teacher.complete(
        rows.map((text, i) => ({
          id: text,
          asked: { kind: 'raw', text },
          sampling: { ...GREEDY, maxTokens: 4 + 5 * (i % 3), rngSeed: text },
        })),
        { signal, onResult: (result) => void results.push(result), onProgress: () => undefined },
      )
      return new Map(results.map(({ id, text }) => [id, text]))
    }
    const together = await ask(texts)
    for (const text of texts.slice(0, 5)) {
      const alone = (await ask([text])).get(text) ?? ''
      expect(
        alone.startsWith(together.get(text) ?? '-') || (together.get(text) ?? '').startsWith(alone),
        text,
      ).toBe(true)
    }
    await teacher.release()
  }
})

describe('refused in a sentence', () => {
  const refusal = (bundle: ModelBundle): Promise<string> =>
    inspectOnnx(bundle).then(
      () => 'not refused',
      (thrown: Error) => thrown.message,
    )
  const json = (value: unknown): ByteSource =>
    sourceFromBytes('x', new TextEncoder().encode(JSON.stringify(value)))

  test('weights in a file that is not there, or is cut', async () => {
    expect(await refusal(bundleOf('qwen2', (path) => !path.endsWith('_data')))).toContain(
      'its weights lie in "model.onnx_data", which is not among the files',
    )
    const data = await readWhole(openFolder('qwen2').files.get('onnx/model.onnx_data') ?? json(0))
    expect(
      await refusal(
        bundleOf('qwen2', () => true, { 'onnx/model.onnx_data': sourceFromBytes('d', data.slice(0, 5000)) }),
      ),
    ).toMatch(/which has 5,000\. It was probably cut/)
  })

  test('models of several graphs, with an encoder, or without a memory', async () => {
    const graph = openFolder('gpt2').files.get('onnx/model.onnx') ?? json(0)
    expect(await refusal(bundleOf('gpt2', () => true, { 'onnx/encoder_model.onnx': graph }))).toContain(
      'several graphs',
    )
    expect(
      await refusal(
        bundleOf('gpt2', () => true, { 'config.json': json({ model_type: 't5', is_encoder_decoder: true }) }),
      ),
    ).toContain('has an encoder')
    expect(
      await refusal(
        bundleOf('gpt2', () => true, { 'config.json': json({ model_type: 'x', vision_config: {} }) }),
      ),
    ).toContain('sees or hears')
    expect(await refusal(bundleOf('gpt2', (path) => path !== 'tokenizer.json'))).toContain(
      'no tokenizer.json',
    )
    expect(await refusal(bundleOf('gpt2', (path) => !path.endsWith('.onnx')))).toContain('no .onnx file')
  })

  test('an op that the runtime does not have, by its name', async () => {
    const bytes = (await readWhole(openFolder('gpt2').files.get('onnx/model.onnx') ?? json(0))).slice()
    // The op type `Tanh` of the activation, told from names of the same letters by its field and length.
    const mark = new TextEncoder().encode('\u0022\u0004Tanh')
    let changed = 0
    for (let at = 0; at + mark.length <= bytes.length; at++) {
      if (!mark.every((byte, i) => bytes[at + i] === byte)) continue
      bytes.set(new TextEncoder().encode('Tank'), at + 2)
      changed++
    }
    expect(changed).toBeGreaterThan(0)
    await expect(
      open(bundleOf('gpt2', () => true, { 'onnx/model.onnx': sourceFromBytes('m', bytes) })),
    ).rejects.toThrow(/onnx\/model\.onnx cannot be run: its op .*Tank.* is not in the runtime/)
  })
})
