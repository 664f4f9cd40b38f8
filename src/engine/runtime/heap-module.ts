// Knows: the wasm module that onnxruntime-web runs on, as far as tensors need it: its heap and its C functions.
// Must not know: sessions, models.

/** What Emscripten and onnxruntime's C interface export; addresses are offsets into the heap. */
export interface HeapModule {
  /** The heap as it is now: replaced when it grows. */
  readonly HEAPU8: Uint8Array
  _malloc(bytes: number): number
  _free(address: number): void
  _OrtCreateTensor(type: number, data: number, bytes: number, dims: number, rank: number, location: number): number
  _OrtReleaseTensor(tensor: number): number
  _OrtGetTensorData(tensor: number, type: number, data: number, dims: number, rank: number): number
  _OrtFree(address: number): number
  _OrtCreateRunOptions(severity: number, verbosity: number, terminate: boolean, tag: number): number
  _OrtReleaseRunOptions(options: number): number
  _OrtRun(session: number, inputNames: number, inputs: number, inputCount: number, outputNames: number, outputCount: number, outputs: number, options: number): number | Promise<number>
  _OrtGetLastError(code: number, message: number): number
  UTF8ToString(address: number): string
  getValue(address: number, type: string): number
}

/** The heap's buffer as it is now. Another thread may have made it grow, which the module sees when it next reads from it. */
export function bufferOf(module: HeapModule): ArrayBufferLike {
  module.getValue(8, 'i8')
  return module.HEAPU8.buffer
}

const FUNCTIONS = ['_malloc', '_free', '_OrtCreateTensor', '_OrtReleaseTensor', '_OrtGetTensorData', '_OrtFree', '_OrtCreateRunOptions', '_OrtReleaseRunOptions', '_OrtRun', '_OrtGetLastError', 'UTF8ToString', 'getValue']

const isHeapModule = (kept: unknown): kept is HeapModule =>
  typeof kept === 'object' && kept !== null && FUNCTIONS.every((name) => typeof Reflect.get(kept, name) === 'function') && Reflect.get(kept, 'HEAPU8') instanceof Uint8Array && Reflect.get(kept, 'PTR_SIZE') === 4

/** The module that keep-module.mjs kept under its address; undefined before the runtime began and where it is not of the form known here. */
export function findHeapModule(keeper: string): HeapModule | undefined {
  const kept: unknown = Reflect.get(globalThis, Symbol.for(keeper))
  return isHeapModule(kept) ? kept : undefined
}
