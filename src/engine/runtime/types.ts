// Knows: tensors and sessions as the engine speaks of them.
// Must not know: onnxruntime-web (open.ts and session.ts do).
import type { DType } from '../graph/graph.ts'

export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array

/** A tensor in JavaScript's memory. `bool` is one byte an element, `f16` the bits of one as Uint16Array. */
export interface HostTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** A tensor that stays on the GPU; feed it to a later run, and dispose of it when that run has ended. */
export interface DeviceTensor {
  readonly onDevice: true
  readonly shape: readonly number[]
  read(): Promise<TensorData>
  dispose(): void
}

export type Feeds = Readonly<Record<string, HostTensor | DeviceTensor>>
export type Outputs = Record<string, HostTensor | DeviceTensor>

/** A model as a session takes it: one that was built here, or a file's bytes with the files that hold its weights. */
export interface RunnableModel {
  readonly bytes: Uint8Array
  /** By the names that the model knows them by. A Blob is read piece by piece where the runtime can (JSPI), else once. */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array | Blob }[]
  readonly outputs: readonly { readonly name: string }[]
}

export interface OpenOptions {
  /** Names of outputs that stay on the GPU; ignored on wasm, where every tensor comes back. */
  readonly onDevice?: readonly string[]
  /** Refuse a session of which a node would run on the CPU instead of the GPU. Default: what the runtime was opened with. */
  readonly forbidFallback?: boolean
}

/** Numbers with a lifetime: freed by whoever asked for them, where they do not lie in JavaScript's memory. */
export interface Floats {
  readonly data: Float32Array
  free(): void
}

export interface Session {
  /**
   * Runs the graph; without `wanted` all outputs are computed. Runs of one realm never overlap: they wait in line. Tensors in `spare`
   * are used up: natively an output of such a name is written into its memory (of the same type and shape); elsewhere it has its own.
   */
  run(
    feeds: Feeds,
    wanted?: readonly string[],
    spare?: Readonly<Record<string, HostTensor>>,
  ): Promise<Outputs>
  /**
   * As `run`; what `use` is given may be valid until it ends only, because it is the runtime's own memory. Absent where a runtime copies
   * its answers anyway. Inputs that lie in memory from `reserve` are not copied either.
   */
  look?<T>(feeds: Feeds, wanted: readonly string[], use: (outputs: Outputs) => T): Promise<T>
  release(): Promise<void>
}

/** In the browser on WebAssembly or WebGPU; from the command line on the processor itself. */
export type Backend = 'wasm' | 'webgpu' | 'native'

export interface Runtime {
  readonly backend: Backend
  /** Whether graphs of 16-bit floats run on the graphics card; absent where there is none. */
  readonly hasHalves?: boolean
  /** The graphics card, as far as the browser tells; absent where there is none or nothing is told. */
  readonly device?: string
  /** Threads of the wasm part; 1 where the page is not cross-origin isolated. */
  readonly threads: number
  /** Makes a session. The model's external bytes may be dropped afterwards. Throws EngineError. */
  open(model: RunnableModel, options?: OpenOptions): Promise<Session>
  /** Memory of the runtime's own for numbers that many runs read, not cleared; throws a RangeError where it is full. Absent where a run copies its inputs anyway. */
  reserve?(count: number): Floats
  /** Bytes of the wasm heap, all realms' share of it aside; 0 where it cannot be told. */
  heapBytes(): number
}

/** The host tensor of an answer; throws where the output was kept on the device. */
export function onHost(outputs: Outputs, name: string): HostTensor {
  const tensor = outputs[name]
  if (tensor === undefined) throw new TypeError(`the graph gave no output “${name}”`)
  if ('onDevice' in tensor) throw new TypeError(`output “${name}” stayed on the device`)
  return tensor
}
