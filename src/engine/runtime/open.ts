// Knows: how a runtime is opened on a backend of the browser.
// Must not know: which models run.
import { EngineError, engineErrorOf } from '../errors.ts'
import { CardWatch } from './card-watch.ts'
import { reserveInHeap, reserveInJs } from './heap-floats.ts'
import { findHeapModule } from './heap-module.ts'
import { heapBytes, heapLimit, watchHeap } from './heap.ts'
import { Queue } from './queue.ts'
import { entryFor, keeperOf, type OrtModule } from './load-ort.ts'
import { makeSession } from './session.ts'
import { startOrt } from './start.ts'
import type { Runtime } from './types.ts'

const queue = new Queue()
const watch = new CardWatch()

export interface RuntimeOptions {
  readonly backend: 'wasm' | 'webgpu'
  /** Requested threads; bounded by 8 and by what the page may use. Default: what the page chose (`watchStarts`), else the number of cores. */
  readonly threads?: number
  /** Default of the same option of `open`. */
  readonly forbidFallback?: boolean
}

/**
 * A runtime on a backend; a realm has one for its lifetime. Throws EngineError `no-webgpu` if the browser has no
 * adapter, `broken` if the runtime's files do not load.
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { backend } = options
  const adapter = backend === 'webgpu' ? await requireAdapter() : undefined
  watchHeap()
  let ort: OrtModule
  try {
    ort = await startOrt(entryFor(backend), options.threads, queue)
  } catch (thrown) {
    throw engineErrorOf(thrown, 'loading the runtime')
  }
  const keeper = backend === 'wasm' ? await keeperOf() : undefined
  const findHeap = () => (keeper === undefined ? undefined : findHeapModule(keeper))
  return {
    backend,
    // The runtime falls back to one thread where it may not share memory.
    threads: ort.env.wasm.numThreads ?? 1,
    ...(adapter
      ? { supportsFloat16: adapter.features.has('shader-f16'), device: describeDevice(adapter) }
      : {}),
    heapBytes,
    heapLimit,
    reserve: (count) => {
      const heap = findHeap()
      return heap === undefined ? reserveInJs(count) : reserveInHeap(heap, count)
    },
    open: (model, open = {}) =>
      queue.run(() =>
        makeSession(ort, { backend, queue, findHeap, ...(backend === 'webgpu' ? { watch } : {}) }, model, {
          forbidFallback: options.forbidFallback ?? false,
          ...open,
        }),
      ),
  }
}

const describeDevice = ({ info: { vendor, architecture, description } }: GPUAdapter): string =>
  description || `${vendor} ${architecture}`.trim()

async function requireAdapter(): Promise<GPUAdapter> {
  const reason = 'This browser has no WebGPU adapter for the page. Choose the processor.'
  if (!('gpu' in navigator)) throw new EngineError('no-webgpu', reason)
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) throw new EngineError('no-webgpu', reason)
  return adapter
}
