// Knows: how a test runs a graph in Node, on onnxruntime-web's own Node build (one thread).
import * as ort from 'onnxruntime-web/wasm'
import type { OnnxModel } from '../../src/engine/graph/graph.ts'

ort.env.logLevel = 'error'

export type Feed = { readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array; readonly shape: readonly number[] }
type Outputs = Record<string, { readonly data: Float32Array | BigInt64Array | Uint8Array | Int32Array; readonly shape: readonly number[] }>

const toTensor = ({ data, shape }: Feed): ort.Tensor => {
  if (data instanceof Float32Array) return new ort.Tensor('float32', data, shape)
  if (data instanceof Int32Array) return new ort.Tensor('int32', data, shape)
  if (data instanceof BigInt64Array) return new ort.Tensor('int64', data, shape)
  return new ort.Tensor('bool', data, shape)
}

/** A session on the model; `run` gives every output. */
export async function openSession(model: OnnxModel): Promise<{ run(feeds: Readonly<Record<string, Feed>>): Promise<Outputs>; release(): Promise<void> }> {
  const session = await ort.InferenceSession.create(model.bytes, { externalData: model.external.map(({ path, data }) => ({ path, data })), executionProviders: ['wasm'], logSeverityLevel: 3 })
  return {
    async run(feeds) {
      const answer = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, toTensor(feed)])))
      return Object.fromEntries(Object.entries(answer).map(([name, tensor]) => [name, { data: tensor.data as Float32Array, shape: tensor.dims }]))
    },
    release: () => session.release(),
  }
}

export async function runOnce(model: OnnxModel, feeds: Readonly<Record<string, Feed>>): Promise<Outputs> {
  const session = await openSession(model)
  try {
    return await session.run(feeds)
  } finally {
    await session.release()
  }
}
