// Knows: how the runtime is started in this realm: once per build, with a number of threads, while the page watches the clock.
// Must not know: who watches (the workers connect it to their page).
import { engineErrorOf } from '../errors.ts'
import { Graph } from '../graph/graph.ts'
import { matMul } from '../graph/ops/mat-mul.ts'
import { fetchEngine, loadOrt, type OrtEntry, type OrtModule } from './load-ort.ts'
import type { Queue } from './queue.ts'

/** Takes part in every start of this realm. */
export interface StartWatch {
  /** Number of threads to start with; undefined: as many as the browser reports. */
  chooseThreads(): Promise<number | undefined>
  begin(threads: number): void
  end(): void
  fail(reason: string): void
}

let watch: StartWatch | undefined
/** Sets the realm's watch. Call before the first runtime is opened. */
export const watchStarts = (own: StartWatch): void => void (watch = own)

/** More threads do not speed up models of these sizes and take a stack each. */
const MAX_THREADS = 8

/** Threads available to this realm: 1 without shared memory (no cross-origin isolation) and in Node. */
export function availableThreads(requested?: number): number {
  const shares = 'crossOriginIsolated' in globalThis && globalThis.crossOriginIsolated
  if (!shares || typeof SharedArrayBuffer === 'undefined') return 1
  return Math.max(1, Math.min(requested ?? navigator.hardwareConcurrency, MAX_THREADS))
}

/** The number of threads to start with: as requested, else as the page chose (`watchStarts`), else as many as the browser reports. */
export const chooseThreads = async (requested?: number): Promise<number> =>
  availableThreads(requested ?? (await watch?.chooseThreads()))

const started = new Map<OrtEntry, Promise<OrtModule>>()

/**
 * The started build; its `env.wasm.numThreads` is the number of threads that run. Throws EngineError. A start that failed cannot be
 * repeated in the same realm.
 */
export function startOrt(entry: OrtEntry, requested: number | undefined, queue: Queue): Promise<OrtModule> {
  const known = started.get(entry) ?? start(entry, requested, queue)
  started.set(entry, known)
  return known
}

async function start(entry: OrtEntry, requested: number | undefined, queue: Queue): Promise<OrtModule> {
  const threads = await chooseThreads(requested)
  // A download may take minutes and fails by itself; what follows takes seconds, or hangs.
  try {
    await fetchEngine(entry)
  } catch (thrown) {
    throw engineErrorOf(thrown, 'loading the runtime')
  }
  watch?.begin(threads)
  try {
    const ort = await loadOrt(entry, threads)
    await queue.run(async () => {
      const session = await ort.InferenceSession.create(smallModel(), {
        executionProviders: ['wasm'],
        logSeverityLevel: 3,
      })
      // Threads begin to work with the first product that is divided among them: a start that hangs there must hang while it is watched.
      const x = new ort.Tensor('float32', new Float32Array(SIZE * SIZE), [SIZE, SIZE])
      for (let run = 0; run < 2; run++) await session.run({ x })
      await session.release()
    })
    watch?.end()
    return ort
  } catch (thrown) {
    const error = engineErrorOf(thrown, 'starting the runtime')
    // A file that is out of reach is no reason to start again with fewer threads.
    if (error.kind === 'unreachable') watch?.end()
    else watch?.fail(error.message)
    throw error
  }
}

/** Rows and columns of the product below: large enough for the runtime to divide it among its threads. */
const SIZE = 256

/** A model that squares a matrix. */
function smallModel(): Uint8Array {
  const g = new Graph()
  const x = g.input('x', 'f32', [SIZE, SIZE])
  g.output('out', matMul(g, x, x))
  return g.finish().bytes
}
