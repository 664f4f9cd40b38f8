// Decoders of other exporters generate the same tokens as transformers and ONNX Runtime with the same weights,
// in batches and in single rows.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openForeignModel, type OpenedForeign } from '../../../src/engine/generation/foreign-batching.ts'
import { Generator, type GenerateResult } from '../../../src/engine/generation/generator.ts'
import { byteTokenizer } from '../small-model.ts'
import { need, openFolder, readGraph, readWhole, type ExpectedRow, type FolderName } from '../onnx-folder.ts'
import { openTestRuntime } from '../session.ts'

const endless = {
  ...byteTokenizer,
  vocabularySize: 272, // of the models
  endIds: new Set<number>(),
  tokenBytes: (id: number) => Uint8Array.of(id % 256),
}

const openModel = async (
  folder: FolderName,
  path: string,
): Promise<OpenedForeign & { expected: readonly ExpectedRow[] }> => {
  const opened = openFolder(folder)
  const graph = need(opened, path)
  const { decoder } = await readGraph(graph)
  const external = await Promise.all(
    [...opened.files].flatMap(([name, source]) =>
      /\.onnx[._]data$/.test(name)
        ? [readWhole(source).then((data) => ({ path: name.replace('onnx/', ''), data }))]
        : [],
    ),
  )
  const model = await openForeignModel(
    await openTestRuntime(),
    { bytes: await readWhole(graph), external, outputs: [{ name: 'logits' }] },
    decoder,
    { vocabulary: 272, width: 32, contextLength: 256 },
    8,
  )
  return { ...model, expected: opened.expected[path.replace(/^onnx\/|\.onnx$/g, '')] ?? [] }
}

describe.each([
  ['llama', 'onnx/model.onnx', 'left', 2e-4],
  ['llama', 'onnx/model_q4.onnx', 'left', 2e-4],
  ['llama', 'onnx/model_quantized.onnx', 'single', 0.5],
  ['llama', 'onnx/model_fp16.onnx', 'left', 0.05],
  ['gpt2', 'onnx/model.onnx', 'left', 2e-4],
  ['qwen2', 'onnx/model.onnx', 'left', 2e-4],
  ['grouped', 'model.onnx', 'right', 2e-4],
] as const)('%s, %s', (folder, path, batching, tolerance) => {
  let opened: Awaited<ReturnType<typeof openModel>>
  let generator: Generator
  beforeAll(async () => {
    opened = await openModel(folder, path)
    generator = Generator.over(opened.model, endless)
  })
  afterAll(() => generator.release())

  test(`batches rows as its ops allow: ${batching}`, () => {
    expect(opened.batching).toBe(batching)
  })

  test('computes the logits of its own runtime', async () => {
    for (const { ids, logits } of opened.expected) {
      const slot = opened.model.open()
      const got = await opened.model.step(
        [{ slot, tokens: ids, logitsAt: [ids.length - 1] }],
        undefined,
        false,
      )
      opened.model.close(slot)
      logits.forEach((wanted, i) =>
        expect(Math.abs((got[i] ?? Number.NaN) - wanted), `logit ${i}`).toBeLessThanOrEqual(tolerance),
      )
    }
  })

  const generate = async (rows: readonly ExpectedRow[]): Promise<Map<string, GenerateResult>> => {
    const results = new Map<string, GenerateResult>()
    await generator.generate(
      rows.map(({ text, ids, written }) => ({
        id: text,
        tokens: ids,
        sampling: {
          temperature: 0,
          topK: 0,
          topP: 1,
          minP: 0,
          repetitionPenalty: 1,
          maxTokens: written.length,
          stop: [],
          rngSeed: text,
        },
      })),
      { onResult: (result) => results.set(result.id, result) },
    )
    return results
  }

  test.skipIf(path.includes('quantized'))(
    'generates in a batch of mixed lengths what its own runtime generates for each row',
    async () => {
      const results = await generate(opened.expected)
      for (const { text, written } of opened.expected)
        expect(results.get(text)?.tokens, text).toEqual(written)
    },
  )
})
