// Knows: how a test runs a graph in Node: on the program's own runtime, in Node onnxruntime-web's Node build
// (one thread).
import type { OnnxModel } from '../../src/engine/graph/graph.ts'
import { openRuntime } from '../../src/engine/runtime/open.ts'
import type { HostTensor, Runtime, TensorData } from '../../src/engine/runtime/types.ts'

export type Feed = { readonly data: TensorData; readonly shape: readonly number[] }
type Outputs = Record<string, { readonly data: TensorData; readonly shape: readonly number[] }>

let opened: Promise<Runtime> | undefined
/** One wasm runtime for all tests of a file. */
export const openTestRuntime = (): Promise<Runtime> => (opened ??= openRuntime({ backend: 'wasm' }))

const toTensor = ({ data, shape }: Feed): HostTensor => {
  const dtype =
    data instanceof Float32Array
      ? 'f32'
      : data instanceof Int32Array
        ? 'i32'
        : data instanceof BigInt64Array
          ? 'i64'
          : 'bool'
  return { dtype, shape, data }
}

/** A session of the model; `run` returns every output. */
export async function openSession(
  model: OnnxModel,
): Promise<{ run(feeds: Readonly<Record<string, Feed>>): Promise<Outputs>; release(): Promise<void> }> {
  const session = await (await openTestRuntime()).open(model)
  return {
    async run(feeds) {
      const outputs = await session.run(
        Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, toTensor(feed)])),
      )
      return Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => {
          if ('onDevice' in tensor) throw new TypeError(`${name} stayed on a device`)
          return [name, tensor]
        }),
      )
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
