// Knows: the wasm module of onnxruntime-web, as far as tensors need it: its heap and its C functions.
// Must not know: sessions, models.

/**
 * Exports of Emscripten and of onnxruntime's C API, under our names; addresses are offsets into the heap, 0 is
 * none.
 */
export interface HeapModule {
  /** The heap's current buffer: it is replaced whenever the heap grows. */
  readonly buffer: ArrayBufferLike
  allocate(bytes: number): number
  free(address: number): void
  createTensor(
    type: number,
    data: number,
    bytes: number,
    dims: number,
    rank: number,
    location: number,
  ): number
  releaseTensor(tensor: number): number
  getTensorData(tensor: number, type: number, data: number, dims: number, rank: number): number
  freeDims(address: number): number
  createRunOptions(severity: number, verbosity: number, terminate: boolean, tag: number): number
  releaseRunOptions(options: number): number
  run(
    session: number,
    inputNames: number,
    inputs: number,
    inputCount: number,
    outputNames: number,
    outputCount: number,
    outputs: number,
    options: number,
  ): number | Promise<number>
  getLastError(code: number, message: number): number
  readText(address: number): string
}

type Functions = Omit<HeapModule, 'buffer'> & { getValue(address: number, type: string): number }

const NAMES: Readonly<Record<keyof Functions, string>> = {
  allocate: '_malloc',
  free: '_free',
  createTensor: '_OrtCreateTensor',
  releaseTensor: '_OrtReleaseTensor',
  getTensorData: '_OrtGetTensorData',
  freeDims: '_OrtFree',
  createRunOptions: '_OrtCreateRunOptions',
  releaseRunOptions: '_OrtReleaseRunOptions',
  run: '_OrtRun',
  getLastError: '_OrtGetLastError',
  readText: 'UTF8ToString',
  getValue: 'getValue',
}

/**
 * The module that keep-module.mjs stored under its address; undefined before the runtime started or if its
 * exports are not the expected ones.
 */
export function findHeapModule(keeper: string): HeapModule | undefined {
  const kept: unknown = Reflect.get(globalThis, Symbol.for(keeper))
  if (typeof kept !== 'object' || kept === null || Reflect.get(kept, 'PTR_SIZE') !== 4) return undefined
  const entries = Object.entries(NAMES).map(([ours, theirs]): [string, unknown] => [
    ours,
    Reflect.get(kept, theirs),
  ])
  if (!entries.every(([, value]) => typeof value === 'function')) return undefined
  const functions = Object.fromEntries(entries) as unknown as Functions // checked above, as far as possible
  return {
    ...functions,
    allocate: (bytes) => functions.allocate(bytes) >>> 0,
    get buffer() {
      // Another thread may have grown the heap; the module notices when it next reads from it.
      functions.getValue(8, 'i8')
      const heap: unknown = Reflect.get(kept, 'HEAPU8')
      if (!(heap instanceof Uint8Array)) throw new TypeError('the runtime exposes no heap')
      return heap.buffer
    },
  }
}
