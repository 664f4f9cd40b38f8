// Knows: how a runtime is opened on a backend of the browser.
// Must not know: which models are run.
import { EngineError, engineErrorOf } from '../errors.ts'
import { CardWatch } from './card-watch.ts'
import { reserveInHeap, reserveInJs } from './heap-floats.ts'
import { findHeapModule } from './heap-module.ts'
import { heapBytes, watchHeap } from './heap.ts'
import { Line } from './line.ts'
import { entryFor, keeperOf, loadOrt, type OrtModule } from './load-ort.ts'
import { makeSession } from './session.ts'
import type { Runtime } from './types.ts'

/** More threads than this bring nothing to models of these sizes and cost a stack each. */
const MOST_THREADS = 8
const line = new Line()
const watch = new CardWatch()

export interface RuntimeOptions {
  readonly backend: 'wasm' | 'webgpu'
  /** Threads wanted; bounded by 8 and by what the page may use. Default: as many as there are cores. */
  readonly threads?: number
  /** Default of `open`'s option of that name. */
  readonly forbidFallback?: boolean
}

/** Threads that this realm can have: 1 without cross-origin isolation (no shared memory) and in Node. */
export function threadsHere(wanted?: number): number {
  if (!('crossOriginIsolated' in globalThis) || !globalThis.crossOriginIsolated) return 1
  return Math.max(1, Math.min(wanted ?? navigator.hardwareConcurrency, MOST_THREADS))
}

/**
 * A runtime on a backend; a realm has one for its lifetime. Throws EngineError `no-webgpu` where the browser gives
 * no adapter, `broken` where the files of the runtime do not load.
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { backend } = options
  const threads = threadsHere(options.threads)
  const adapter = backend === 'webgpu' ? await requireAdapter() : undefined
  watchHeap()
  let ort: OrtModule
  try {
    ort = await loadOrt(entryFor(backend), threads)
  } catch (thrown) {
    throw engineErrorOf(thrown, 'loading the runtime')
  }
  const keeper = backend === 'wasm' ? await keeperOf() : undefined
  const findHeap = () => (keeper === undefined ? undefined : findHeapModule(keeper))
  return {
    backend,
    threads,
    ...(adapter ? { hasHalves: adapter.features.has('shader-f16'), device: nameCard(adapter) } : {}),
    heapBytes,
    reserve: (count) => {
      const heap = findHeap()
      return heap === undefined ? reserveInJs(count) : reserveInHeap(heap, count)
    },
    open: (model, open = {}) =>
      line.run(() =>
        makeSession(ort, { backend, line, findHeap, ...(backend === 'webgpu' ? { watch } : {}) }, model, {
          forbidFallback: options.forbidFallback ?? false,
          ...open,
        }),
      ),
  }
}

const nameCard = ({ info: { vendor, architecture, description } }: GPUAdapter): string =>
  description || `${vendor} ${architecture}`.trim()

async function requireAdapter(): Promise<GPUAdapter> {
  const why = 'This browser gives the page no WebGPU adapter. Choose wasm.'
  if (!('gpu' in navigator)) throw new EngineError('no-webgpu', why)
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) throw new EngineError('no-webgpu', why)
  return adapter
}
