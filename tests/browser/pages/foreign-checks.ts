// Knows: graphs of other exporters in the browser: on each backend they generate what transformers generates from the same weights, with the KV
// cache on the graphics card if that is the backend.
import { unzipSync } from 'fflate'
import { openForeignModel } from '../../../src/engine/generation/foreign-batching.ts'
import { Generator } from '../../../src/engine/generation/generator.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { describeForeignDecoder } from '../../../src/engine/weights/onnx/onnx-decoder.ts'
import { readOnnxHeader } from '../../../src/engine/weights/onnx/onnx-header.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { byteTokenizer } from '../../engine/small-model.ts'
import zip from '../../oracles/onnx/qwen2.zip?url'
import { checkSame, checkThat, type Check } from './check.ts'

interface Row {
  readonly text: string
  readonly ids: readonly number[]
  readonly written: readonly number[]
}

const NEW_TOKENS = 4

export async function runForeignChecks(backend: 'wasm' | 'webgpu'): Promise<readonly Check[]> {
  const files = unzipSync(new Uint8Array(await (await fetch(zip)).arrayBuffer()))
  const need = (path: string): Uint8Array<ArrayBuffer> => {
    const bytes = files[path]
    if (bytes === undefined) throw new Error(`The folder has no ${path}.`)
    return bytes.slice()
  }
  const rows: readonly Row[] = JSON.parse(new TextDecoder().decode(need('expected.json'))).model
  const read = await readOnnxHeader(sourceFromBytes('model.onnx', need('onnx/model.onnx')))
  const described = read.kind === 'header' ? describeForeignDecoder(read.header) : undefined
  if (described?.ok !== true) throw new Error('The graph was refused.')
  const { decoder } = described
  const outputs = ['logits', ...decoder.past.map(({ present }) => present)].map((name) => ({ name }))
  const runtime = await openRuntime({ backend })
  const endless = { ...byteTokenizer, endIds: new Set<number>(), tokenBytes: () => new Uint8Array(0) }
  const write = async (data: Uint8Array | Blob): Promise<Check> => {
    const { model, batching } = await openForeignModel(
      runtime,
      { bytes: need('onnx/model.onnx'), external: [{ path: 'model.onnx_data', data }], outputs },
      decoder,
      { vocabulary: 272, width: 32, contextLength: 128 },
      4,
    )
    const generator = Generator.over(model, endless)
    const got = new Map<string, readonly number[]>()
    // Rows that end at different times free their slots.
    const limitOf = (i: number): number => NEW_TOKENS - (i % 2)
    await generator.generate(
      rows.map(({ text, ids }, i) => ({
        id: text,
        tokens: ids,
        sampling: {
          temperature: 0,
          topK: 0,
          topP: 1,
          minP: 0,
          repetitionPenalty: 1,
          maxTokens: limitOf(i),
          stop: [],
          rngSeed: text,
        },
      })),
      { onResult: ({ id, tokens }) => void got.set(id, tokens) },
    )
    await generator.release()
    return checkSame(
      '',
      [batching, ...rows.map(({ text }) => got.get(text))],
      ['left', ...rows.map(({ written }, i) => written.slice(0, limitOf(i)))],
    )
  }
  const data = need('onnx/model.onnx_data')
  // The WebGPU build reads a Blob in pieces.
  const name = 'a folder from Optimum generates what transformers generates'
  return [
    await checkThat(name, async () => ({
      ...(await write(backend === 'webgpu' ? new Blob([data]) : data)),
      name,
    })),
  ]
}
