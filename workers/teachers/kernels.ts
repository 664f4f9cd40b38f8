// Knows: how a model is loaded on this program's own kernels: which module, how many threads, in which form its weights are held.
// Must not know: requests, tokenizers.
import { EngineError } from '../../src/engine/errors.ts'
import type { CachedModel } from '../../src/engine/generation/cached-model.ts'
import { makeKernelModel } from '../../src/engine/generation/kernel-cache.ts'
import { chooseKernels } from '../../src/engine/kernels/choose.ts'
import { KernelDecoder } from '../../src/engine/kernels/decoder.ts'
import type { Kernels } from '../../src/engine/kernels/module.ts'
import { loadPageModule } from '../../src/engine/kernels/page-modules.ts'
import { workAlone, workTogether, type StartHelper, type Team } from '../../src/engine/kernels/team.ts'
import { findKernelProblem, readKernelWeights } from '../../src/engine/kernels/weights.ts'
import { chooseThreads } from '../../src/engine/runtime/start.ts'
import type { StoredModel } from '../../src/engine/weights/read-weights.ts'
import { WASM_LIMIT } from './weight-form.ts'

/** Opens kernels with this number of threads, or as many as are best here. Throws EngineError. */
export type OpenKernels = (
  threads: number | undefined,
) => Promise<{ readonly kernels: Kernels; readonly team: Team }>

/** A thread of the page for one helper. */
const startHelper: StartHelper = () => {
  const worker = new Worker(new URL('../kernel-helper.ts', import.meta.url), { type: 'module' })
  return {
    started: new Promise((resolve) => worker.addEventListener('message', resolve, { once: true })),
    begin: (start) => worker.postMessage(start),
    end: () => worker.terminate(),
  }
}

/** A team of threads of the page; the kernels' memory is shared. */
export const openPageTeam = (kernels: Kernels, threads: number): Promise<Team> =>
  workTogether(kernels, threads, startHelper)

interface OpenedKernels {
  readonly kernels: Kernels
  readonly team: Team
}

/**
 * Kernels whose model was unloaded: its memory and its threads are used again. Memory would otherwise stay until every thread has collected
 * its garbage, and in Firefox (140 ESR) about one of a hundred new workers of a worker blocked the one that created it for ever.
 */
let unused: OpenedKernels | undefined

export const openPageKernels: OpenKernels = async (requested) => {
  const threads = await chooseThreads(requested)
  const found = unused
  unused = undefined
  if (found?.team.threads === threads) return lend(found)
  await found?.team.release()
  const { kernels } = await chooseKernels(loadPageModule, threads > 1)
  const team = threads > 1 ? await openPageTeam(kernels, threads) : workAlone(kernels)
  kernels.heap.keep()
  return lend({ kernels, team })
}

/** The same kernels, whose release keeps them for the next model unless a thread died. */
function lend(opened: OpenedKernels): OpenedKernels {
  const { kernels, team } = opened
  let state: 'works' | 'broken' | 'released' = 'works'
  return {
    kernels,
    team: {
      threads: team.threads,
      lead(program, operations) {
        try {
          team.lead(program, operations)
        } catch (thrown) {
          state = 'broken'
          throw thrown
        }
      },
      async release() {
        if (state === 'broken') await team.release()
        if (state === 'works') {
          kernels.heap.reset()
          unused = opened
        }
        state = 'released' // a second release must not touch what others use by then
      },
    },
  }
}

export interface KernelLoading {
  readonly openKernels: OpenKernels
  readonly threads: number | undefined
  readonly contextLength: number
  readonly batchSize: number
  /** Bytes of the model as floats, with its cache. */
  readonly floatBytes: number
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number) => void
}

export interface LoadedOnKernels {
  readonly model: CachedModel
  readonly threads: number
  /** What a person should know, in a sentence. */
  readonly note: string
}

/** The loaded model; else why the kernels cannot run it here, as a phrase after "because". Throws EngineError if memory runs out, and as reading does. */
export async function loadOnKernels(
  stored: StoredModel,
  { openKernels, threads, contextLength, batchSize, floatBytes, signal, onProgress }: KernelLoading,
): Promise<LoadedOnKernels | string> {
  const problem = findKernelProblem(stored.shape)
  if (problem !== undefined) return problem
  let opened: Awaited<ReturnType<OpenKernels>>
  try {
    opened = await openKernels(threads)
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.kind === 'out-of-memory') throw thrown
    return `they did not start (${(thrown instanceof Error ? thrown.message : String(thrown)).replace(/\.$/, '')})`
  }
  const { kernels, team } = opened
  try {
    // Tensors of floats stay floats if there is memory for them.
    const form = floatBytes <= WASM_LIMIT ? 'packed' : 'rounded'
    const weights = await readKernelWeights(kernels, stored, form, { signal, onProgress })
    const decoder = new KernelDecoder(kernels, weights, team, Math.min(contextLength, weights.shape.context))
    const how = kernels.dot === 'plain' ? 'plain SIMD' : 'relaxed SIMD'
    return {
      model: makeKernelModel(decoder, batchSize),
      threads: team.threads,
      note: `The weights keep the bits of the file (${Math.ceil(weights.bytes / 1e6).toLocaleString('en')} MB), and activations are rounded to 8 bits, with ${how}: fast and small, but log-probabilities differ slightly from those with floats.`,
    }
  } catch (thrown) {
    await team.release()
    throw thrown
  }
}
