// Knows: the engine's interfaces of tensors, sessions and runtimes.
// Must not know: onnxruntime-web (open.ts and session.ts do).
import type { DType } from '../graph/graph.ts'

export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array

/** A tensor in JavaScript's memory. `bool` is one byte per element, `f16` is a Uint16Array of its bits. */
export interface HostTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** A tensor that stays on the GPU; feed it to a later run, and dispose of it after that run. */
export interface DeviceTensor {
  readonly onDevice: true
  readonly shape: readonly number[]
  read(): Promise<TensorData>
  dispose(): void
}

export type Feeds = Readonly<Record<string, HostTensor | DeviceTensor>>
export type Outputs = Record<string, HostTensor | DeviceTensor>

/** A model that a session can open: a graph built here, or a file's bytes with the files of its weights. */
export interface RunnableModel {
  readonly bytes: Uint8Array
  /**
   * By the path in the model's external data. A Blob is read in pieces if the runtime supports it (JSPI), else
   * at once.
   */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array | Blob }[]
  readonly outputs: readonly { readonly name: string }[]
}

export interface OpenOptions {
  /** Names of outputs that stay on the GPU; ignored on wasm, where every output is a host tensor. */
  readonly onDevice?: readonly string[]
  /** Fail if a node would run on the CPU instead of the GPU. Default: the runtime's option. */
  readonly forbidFallback?: boolean
}

/** Floats that the caller must free if they are not in JavaScript's memory. */
export interface Floats {
  readonly data: Float32Array
  free(): void
}

export interface Session {
  /**
   * Runs the graph; without `wanted` all outputs are computed. Runs of one realm never overlap: they queue.
   * Tensors in `spare` are donated: the native backend writes the output of that name into its memory (of the
   * same type and shape); others allocate it.
   */
  run(
    feeds: Feeds,
    wanted?: readonly string[],
    spare?: Readonly<Record<string, HostTensor>>,
  ): Promise<Outputs>
  /**
   * As `run`, but the outputs are views of the runtime's own memory and valid during `use` only. Absent if the
   * runtime always copies its outputs. Inputs in memory from `reserve` are not copied either.
   */
  runInPlace?<T>(feeds: Feeds, wanted: readonly string[], use: (outputs: Outputs) => T): Promise<T>
  release(): Promise<void>
}

/** WebAssembly or WebGPU in the browser; the CPU directly from the command line. */
export type Backend = 'wasm' | 'webgpu' | 'native'

export interface Runtime {
  readonly backend: Backend
  /** Whether the GPU runs graphs with 16-bit floats; absent without a GPU. */
  readonly supportsFloat16?: boolean
  /** Name of the GPU, if the browser reports it; absent without a GPU. */
  readonly device?: string
  /** Threads of the wasm part; 1 if the page is not cross-origin isolated. */
  readonly threads: number
  /** Creates a session. The model's external bytes may be freed afterwards. Throws EngineError. */
  open(model: RunnableModel, options?: OpenOptions): Promise<Session>
  /**
   * Allocates floats in the runtime's own memory for inputs of many runs, uninitialised; throws a RangeError if
   * it is full. Absent if a run always copies its inputs.
   */
  reserve?(count: number): Floats
  /** Bytes of this realm's wasm heap; 0 if unknown. */
  heapBytes(): number
  /** Bytes that the realm's wasm heap may grow to; absent without one. */
  heapLimit?(): number
}

/** An output as a host tensor; throws if it is missing or stayed on the device. */
export function onHost(outputs: Outputs, name: string): HostTensor {
  const tensor = outputs[name]
  if (tensor === undefined) throw new TypeError(`the graph returned no output “${name}”`)
  if ('onDevice' in tensor) throw new TypeError(`output “${name}” stayed on the device`)
  return tensor
}
