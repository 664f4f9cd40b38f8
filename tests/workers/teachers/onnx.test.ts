// Folders of ONNX files as teachers: those of two exporters meet the contract, and graphs that cannot run are refused with a sentence.
import { describe, expect, test } from 'vitest'
import type { CompletionResult } from '../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
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
const open = async (bundle: ModelBundle, preferred?: 'f32' | 'nb4s') =>
  openOnnx(bundle, {
    backend: 'wasm',
    contextLength: 256,
    signal,
    onProgress: () => undefined,
    runtime: await openTestRuntime(),
    ...(preferred === undefined ? {} : { weights: preferred }),
  })
const only = (file: string) => (path: string) => !path.endsWith('.onnx') || path === file

describeTeacherContract('a folder from Optimum', () => open(bundleOf('llama')))
describeTeacherContract('a folder from the model builder of ONNX Runtime', () => open(bundleOf('grouped')))

describe('the model card', () => {
  test('counts parameters as the folder’s maker does and names the form', async () => {
    const card = await findForm(bundleOf('qwen2')).inspect(bundleOf('qwen2'))
    // Embedding and head 2 · 272 · 32; in each of two layers 32 · (32 + 2 · 16) + 64 biases, 32 · 32, 3 · 32 · 32 and 64 in norms; last norm 32.
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

  test('counts the weights of four-bit graphs as unpacked', async () => {
    const [floats, packed] = [
      await inspectOnnx(bundleOf('llama', only('onnx/model.onnx'))),
      await inspectOnnx(bundleOf('llama', only('onnx/model_q4.onnx'))),
    ]
    expect(packed).toMatchObject({ quantisation: 'Q4', parameters: floats.parameters })
    expect(packed.fingerprint).not.toBe(floats.fingerprint)
    expect((await inspectOnnx(bundleOf('llama', only('onnx/model_fp16.onnx')))).quantisation).toBe('F16')
    // Position tables of attention are not weights.
    expect((await inspectOnnx(bundleOf('grouped'))).parameters).toBe(
      2 * 272 * 32 + 2 * (32 * (64 + 2 * 32) + 64 * 32 + 3 * 32 * 32 + 64) + 32,
    )
  })
})

describe('choosing among several graphs', () => {
  const nameOf = async (
    backend: 'wasm' | 'webgpu',
    hasHalves: boolean,
    preferred?: 'f32' | 'nb4s',
  ): Promise<string> =>
    chooseGraph(await readGraphs(bundleOf('llama')), backend, {
      hasHalves,
      name: 'llama',
      ...(preferred ? { preferred } : {}),
    }).graph.path
  test('runs floats if they fit and prefers the requested form', async () => {
    expect(await nameOf('wasm', false)).toBe('onnx/model.onnx')
    expect(await nameOf('webgpu', false)).toBe('onnx/model.onnx')
    expect(await nameOf('wasm', false, 'nb4s')).toBe('onnx/model_q4.onnx')
    expect(await nameOf('webgpu', true, 'nb4s')).toBe('onnx/model_q4.onnx')
    const teacher = await open(bundleOf('llama'), 'nb4s')
    expect(teacher.description.card.quantisation).toBe('Q4')
    expect(teacher.description.notes[0]).toBe(
      'Of the 4 graphs in the folder, model_q4.onnx runs (Q4): as you chose.',
    )
    await teacher.release()
  })

  test('refuses half precision on a graphics card that does not support it', async () => {
    const halves = await readGraphs(bundleOf('llama', only('onnx/model_fp16.onnx')))
    expect(() => chooseGraph(halves, 'webgpu', { hasHalves: false, name: 'llama' })).toThrow('shader-f16')
    expect(chooseGraph(halves, 'webgpu', { hasHalves: true, name: 'llama' }).graph.quantisation).toBe('F16')
  })
})

test('explains that rows of a dynamic int8 graph are not batched', async () => {
  const teacher = await open(bundleOf('llama', only('onnx/model_quantized.onnx')))
  expect(teacher.description.batch).toBe(1)
  expect(teacher.description.notes.join(' ')).toContain('dynamic quantisation')
  await teacher.release()
})

test('refuses hidden states with a sentence', async () => {
  const teacher = await open(bundleOf('gpt2'))
  const row = { id: 'a', prompt: [5, 6, 7], completion: [8, 9] }
  const options = { topK: 3, temperature: 1, allowedIds: Int32Array.from({ length: 200 }, (_, i) => i) }
  await expect(
    teacher.computeSoftTargets([row], { ...options, hidden: true }, { signal, onResult: () => undefined }),
  ).rejects.toThrow('hidden states')
  const lengths: number[] = []
  await teacher.computeSoftTargets([row], options, {
    signal,
    onResult: ({ indices }) => lengths.push(indices.length),
  })
  expect(lengths).toEqual([9])
  await teacher.release()
})

test('generates the same texts for rows with a shared prefix as for each alone', async () => {
  for (const name of ['llama', 'grouped'] as const) {
    const teacher = await open(bundleOf(name))
    const texts = Array.from(
      { length: 11 },
      (_, i) => `the sea and the ships and the shore ${'of bread '.repeat(i % 4)}${i}`,
    )
    const generate = async (rows: readonly string[]): Promise<Map<string, string>> => {
      const results: CompletionResult[] = []
      await teacher.complete(
        rows.map((text, i) => ({
          id: text,
          input: { kind: 'raw', text } as const,
          sampling: { ...GREEDY, maxTokens: 4 + 5 * (i % 3), rngSeed: text },
        })),
        { signal, onResult: (result) => void results.push(result), onProgress: () => undefined },
      )
      return new Map(results.map(({ id, text }) => [id, text]))
    }
    const batched = await generate(texts)
    for (const text of texts.slice(0, 5)) {
      const alone = (await generate([text])).get(text) ?? ''
      expect(
        alone.startsWith(batched.get(text) ?? '-') || (batched.get(text) ?? '').startsWith(alone),
        text,
      ).toBe(true)
    }
    await teacher.release()
  }
})

describe('refusals', () => {
  const refusal = (bundle: ModelBundle): Promise<string> =>
    inspectOnnx(bundle).then(
      () => 'not refused',
      (thrown: Error) => thrown.message,
    )
  const json = (value: unknown): ByteSource =>
    sourceFromBytes('x', new TextEncoder().encode(JSON.stringify(value)))

  test('refuses weights in a missing or truncated file', async () => {
    expect(await refusal(bundleOf('qwen2', (path) => !path.endsWith('_data')))).toContain(
      'its weights are in "model.onnx_data", which is not among the files',
    )
    const data = await readWhole(openFolder('qwen2').files.get('onnx/model.onnx_data') ?? json(0))
    expect(
      await refusal(
        bundleOf('qwen2', () => true, { 'onnx/model.onnx_data': sourceFromBytes('d', data.slice(0, 5000)) }),
      ),
    ).toMatch(/which has 5,000\. It was probably truncated/)
  })

  test('refuses models of several graphs, with an encoder, or with files missing', async () => {
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
    ).toContain('vision or audio model')
    expect(await refusal(bundleOf('gpt2', (path) => path !== 'tokenizer.json'))).toContain(
      'no tokenizer.json',
    )
    expect(await refusal(bundleOf('gpt2', (path) => !path.endsWith('.onnx')))).toContain('no .onnx file')
  })

  test('refuses an op that the runtime lacks, by its name', async () => {
    const bytes = (await readWhole(openFolder('gpt2').files.get('onnx/model.onnx') ?? json(0))).slice()
    // The op type `Tanh` of the activation, distinguished from names with the same letters by its field and length.
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
