// Knows: which build of onnxruntime-web a realm needs and where its files are. Never the default entry point:
// that is the deprecated JSEP build.
import type * as Ort from 'onnxruntime-web/wasm'
import { whileHeard } from './while-heard.ts'

export type OrtModule = typeof Ort
export type OrtEntry = 'wasm' | 'webgpu' | 'jspi'

/**
 * There are two native WebGPU builds: with JavaScript promise integration if the browser supports it (smaller),
 * else with asyncify.
 */
export const entryFor = (backend: 'wasm' | 'webgpu'): OrtEntry =>
  backend === 'wasm' ? 'wasm' : 'Suspending' in WebAssembly ? 'jspi' : 'webgpu'

const inBrowser = (): boolean => 'WorkerGlobalScope' in globalThis || 'document' in globalThis

const absolute = (address: string): string => new URL(address, globalThis.location.href).href

/** Addresses of the glue and the wasm file as the bundler named them. Node's build finds its own files. */
async function addressesOf(entry: OrtEntry): Promise<{ mjs: string; wasm: string }> {
  const [mjs, wasm] = await (entry === 'wasm'
    ? Promise.all([
        import('onnxruntime-web/ort-wasm-simd-threaded.mjs?url'),
        import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url'),
      ])
    : entry === 'jspi'
      ? Promise.all([
          import('onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url'),
          import('onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url'),
        ])
      : Promise.all([
          import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url'),
          import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'),
        ]))
  return { mjs: absolute(mjs.default), wasm: absolute(wasm.default) }
}

/** Milliseconds without a byte after which a download is given up. */
const SILENCE_LIMIT = 30_000

/** Fetches a build's wasm to its end, so that what follows finds it in the browser's cache. A download that stops is begun once more. */
export async function fetchEngine(entry: OrtEntry): Promise<void> {
  if (!inBrowser()) return
  await whileHeard(SILENCE_LIMIT, async (heard, signal) => {
    const { wasm } = await addressesOf(entry)
    heard()
    const { body } = await fetch(wasm, { signal })
    const reader = body?.getReader()
    for (let done = reader === undefined; !done; heard()) done = (await reader?.read())?.done ?? true
  })
}

const importEntry = (entry: OrtEntry): Promise<OrtModule> =>
  entry === 'wasm'
    ? import('onnxruntime-web/wasm')
    : entry === 'jspi'
      ? import('onnxruntime-web/jspi')
      : import('onnxruntime-web/webgpu')

/** The address under which keep-module.mjs stores the module of the wasm build. */
export const keeperOf = async (): Promise<string> => {
  const keeper = new URL('./keep-module.mjs', import.meta.url).href
  return inBrowser() ? `${keeper}?glue=${encodeURIComponent((await addressesOf('wasm')).mjs)}` : keeper
}

const loaded = new Map<OrtEntry, Promise<OrtModule>>()

/** Loads a build once. A realm can load two builds, each with its own heap; a heap is freed with the realm only. */
export function loadOrt(entry: OrtEntry, threads: number): Promise<OrtModule> {
  const load = async (): Promise<OrtModule> => {
    const ort = await importEntry(entry)
    const keeper = await keeperOf()
    if (inBrowser()) {
      const addresses = await addressesOf(entry)
      ort.env.wasm.wasmPaths = entry === 'wasm' ? { ...addresses, mjs: keeper } : addresses
      ort.env.wasm.numThreads = threads
    } else {
      if (entry === 'wasm') ort.env.wasm.wasmPaths = { mjs: keeper }
      ort.env.wasm.numThreads = 1
    }
    ort.env.logLevel = 'error'
    return ort
  }
  const known = loaded.get(entry) ?? load()
  loaded.set(entry, known)
  known.catch(() => loaded.delete(entry))
  return known
}
