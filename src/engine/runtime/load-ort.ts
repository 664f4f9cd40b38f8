// Knows: which build of onnxruntime-web a realm needs and where its files lie. Never the default entry point: that is the
// deprecated JSEP build.
import type * as Ort from 'onnxruntime-web/wasm'
import { EngineError } from '../errors.ts'

export type OrtModule = typeof Ort
export type OrtEntry = 'wasm' | 'webgpu' | 'jspi'

/** The native WebGPU build comes twice: on JavaScript promise integration where the browser has it (smaller), else on asyncify. */
export const entryFor = (backend: 'wasm' | 'webgpu'): OrtEntry => (backend === 'wasm' ? 'wasm' : 'Suspending' in WebAssembly ? 'jspi' : 'webgpu')

const inBrowser = (): boolean => 'WorkerGlobalScope' in globalThis || 'document' in globalThis

const absolute = (address: string): string => new URL(address, globalThis.location.href).href

/** Addresses of the glue and the wasm as the build named them. Node's build finds its own files. */
async function addressesOf(entry: OrtEntry): Promise<{ mjs: string; wasm: string }> {
  const [mjs, wasm] = await (entry === 'wasm'
    ? Promise.all([import('onnxruntime-web/ort-wasm-simd-threaded.mjs?url'), import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url')])
    : entry === 'jspi'
      ? Promise.all([import('onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url'), import('onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url')])
      : Promise.all([import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url'), import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url')]))
  return { mjs: absolute(mjs.default), wasm: absolute(wasm.default) }
}

const importEntry = (entry: OrtEntry): Promise<OrtModule> =>
  entry === 'wasm' ? import('onnxruntime-web/wasm') : entry === 'jspi' ? import('onnxruntime-web/jspi') : import('onnxruntime-web/webgpu')

let loaded: { entry: OrtEntry; ort: Promise<OrtModule> } | undefined

/** Loads the build once; a realm holds one wasm module, so asking for another build throws. */
export function loadOrt(entry: OrtEntry, threads: number): Promise<OrtModule> {
  if (loaded !== undefined) {
    if (loaded.entry !== entry) throw new EngineError('refused', `This worker already runs the ${loaded.entry} build; it must be started anew for ${entry}.`)
    return loaded.ort
  }
  const load = async (): Promise<OrtModule> => {
    const ort = await importEntry(entry)
    if (inBrowser()) {
      ort.env.wasm.wasmPaths = await addressesOf(entry)
      ort.env.wasm.numThreads = threads
    } else ort.env.wasm.numThreads = 1
    ort.env.logLevel = 'error'
    return ort
  }
  loaded = { entry, ort: load() }
  return loaded.ort
}
