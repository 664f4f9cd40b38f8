// Knows: how a model is loaded on this program's own kernels: which module, how many threads, in which form its weights are held.
// Must not know: requests, tokenizers.
import type { KernelWeightForm } from '../../src/domain/weight-form.ts'
import { EngineError } from '../../src/engine/errors.ts'
import type { CachedModel } from '../../src/engine/generation/cached-model.ts'
import { makeKernelModel } from '../../src/engine/generation/kernel-cache.ts'
import { chooseKernels } from '../../src/engine/kernels/choose.ts'
import { measureRounding, type RoundingCost } from '../../src/engine/generation/measure-rounding.ts'
import { KernelDecoder } from '../../src/engine/kernels/decoder.ts'
import type { KernelForm } from '../../src/engine/kernels/matrix.ts'
import { measureThreads } from '../../src/engine/kernels/measure-threads.ts'
import type { Kernels } from '../../src/engine/kernels/module.ts'
import { loadPageModule } from '../../src/engine/kernels/page-modules.ts'
import { workAlone, workTogether, type StartHelper, type Team } from '../../src/engine/kernels/team.ts'
import { findKernelProblem, type KernelWeights } from '../../src/engine/kernels/weights.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { availableThreads } from '../../src/engine/runtime/start.ts'

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

/** A team of threads of the page, or of fewer if `choose` finds these faster; the kernels' memory is shared. */
export const openPageTeam = (
  kernels: Kernels,
  threads: number,
  choose?: typeof measureThreads,
): Promise<Team> => workTogether(kernels, threads, startHelper, choose)

interface OpenedKernels {
  readonly kernels: Kernels
  readonly team: Team
  /** Number of threads that was requested; undefined: the fastest. */
  readonly requested: number | undefined
}

/**
 * Kernels whose model was unloaded: its memory and its threads are used again. Memory would otherwise stay until every thread has collected
 * its garbage, and in Firefox (140 ESR) about one of a hundred new workers of a worker blocked the one that created it for ever.
 */
let unused: OpenedKernels | undefined

export const openPageKernels: OpenKernels = async (requested) => {
  // The runtime's number of threads is not the best one here: its threads wait in another way.
  const threads = availableThreads(requested)
  const found = unused
  unused = undefined
  if (found !== undefined && found.requested === requested) return lend(found)
  await found?.team.release()
  const { kernels } = await chooseKernels(loadPageModule, threads > 1)
  const choose = requested === undefined ? measureThreads : undefined
  const team = threads > 1 ? await openPageTeam(kernels, threads, choose) : workAlone(kernels)
  kernels.heap.keep()
  return lend({ kernels, team, requested })
}

/** Gives up the memory and the threads of an unloaded model: something else needs them. */
export async function closePageKernels(): Promise<void> {
  const found = unused
  unused = undefined
  await found?.team.release()
}

/** The same kernels, whose release keeps them for the next model unless a thread died. */
function lend(opened: OpenedKernels): Pick<OpenedKernels, 'kernels' | 'team'> {
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
  readonly form: KernelWeightForm
  readonly contextLength: number
  readonly batchSize: number
  /** Tokens of texts that the cost of rounding is measured on. */
  readonly samples: readonly (readonly number[])[]
}

/** A model to run on the kernels. */
export interface KernelSource {
  readonly shape: DecoderShape
  /** Packs its weights into the kernels' memory. */
  pack(kernels: Kernels, form: KernelForm): Promise<KernelWeights>
}

export interface LoadedOnKernels {
  readonly model: CachedModel
  readonly threads: number
  /** What a person should know, in sentences. */
  readonly notes: readonly string[]
}

/** Milliseconds that measuring the cost of rounding may take. */
const MEASURE_LIMIT = 700

/**
 * The loaded model; else why the kernels cannot run it here, as a phrase after "because". Throws EngineError if memory runs out, and as
 * packing does.
 */
export async function loadOnKernels(
  { shape, pack }: KernelSource,
  { openKernels, threads, form, contextLength, batchSize, samples }: KernelLoading,
): Promise<LoadedOnKernels | string> {
  const problem = findKernelProblem(shape)
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
    const weights = await pack(kernels, form === 'kernels-q8' ? 'rounded' : 'packed')
    const decoder = new KernelDecoder(kernels, weights, team, Math.min(contextLength, weights.shape.context))
    const model = makeKernelModel(decoder, batchSize)
    const { integers, floats } = weights
    const how = kernels.dot === 'plain' ? 'plain SIMD' : 'relaxed SIMD'
    const size = `${formatMegabytes(weights.bytes)} MB, ${how}`
    const rounds = integers && form !== 'kernels-f32'
    decoder.exact = !rounds
    const cost = rounds
      ? await measureRounding(model, (exact) => (decoder.exact = exact), samples, {
          now: () => performance.now(),
          maxMs: MEASURE_LIMIT,
        })
      : undefined
    return {
      model,
      threads: team.threads,
      notes: [noteForm(form, integers, floats, size), ...noteCost(cost)],
    }
  } catch (thrown) {
    await team.release()
    throw thrown
  }
}

const formatMegabytes = (bytes: number): string => Math.ceil(bytes / 1e6).toLocaleString('en')

/** How the weights are held and multiplied. */
function noteForm(form: KernelWeightForm, integers: boolean, floats: boolean, size: string): string {
  if (!integers) return `The weights are floats, as in the file (${size}), and nothing is rounded.`
  if (form === 'kernels-q8' && floats)
    return `Weights and activations are rounded to 8 bits (${size}): smaller and faster than floats, with slightly different probabilities.`
  return form === 'kernels-f32'
    ? `The weights keep the bits of the file (${size}), and activations stay floats: exact, and slower than with activations of 8 bits.`
    : `The weights keep the bits of the file (${size}), and activations are rounded to 8 bits: fast, with slightly different probabilities than with floats.`
}

const noteCost = (cost: RoundingCost | undefined): string[] =>
  cost === undefined
    ? []
    : [
        `Measured on this model: rounding activations changes its next-token distribution by a KL divergence of ${cost.meanKl < 1e-4 ? 'less than 0.0001' : cost.meanKl.toFixed(4)} nats on average, and the most probable token is the same at ${cost.sameBest} of ${cost.tokens} positions.`,
      ]
