// Knows: a teacher from WebLLM's catalogue: refused or described from what is known beforehand, loaded in a worker of its own.
// Must not know: the package, which only that worker loads.
import type { MachineFacts, ModelSource } from '../../../src/domain/model.ts'
import type { WebLlmModel } from '../../../src/domain/web-llm.ts'
import { findWebLlmModel, refuseMachine, refuseModel } from '../../../src/pipeline/web-llm/catalogue.ts'
import { openWorker, type WorkerLike } from '../../../src/protocol/channel.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { WebLlmContract } from '../../../src/protocol/web-llm.ts'
import type { Opener } from '../sources.ts'
import { cardOf } from '../web-llm/card.ts'
import { WorkerTeacher } from '../worker-teacher.ts'

type WebLlmSource = Extract<ModelSource, { readonly kind: 'web-llm' }>

export interface WebLlmSurroundings {
  readonly startWorker: () => WorkerLike
  readonly lookAtGpu: () => Promise<MachineFacts['webgpu']>
}

/**
 * The Cache API: WebLLM's own default, in every browser with WebGPU; each file lies under its address, so what is kept can be listed,
 * weighed and deleted without the package. The origin-private file system reads faster, but names files by hashes of their addresses.
 */
const STORE = 'cache'

export const makeWebLlmOpener = ({ startWorker, lookAtGpu }: WebLlmSurroundings): Opener<WebLlmSource> => {
  const find = async (id: string): Promise<WebLlmModel> => {
    const model = findWebLlmModel(id)
    if (model === undefined)
      throw new RetortError(
        'ModelRefused',
        `WebLLM’s catalogue has no model “${id}”. Choose one from its list.`,
      )
    const gpu = await lookAtGpu()
    const refusal = refuseMachine(gpu) ?? refuseModel(model, gpu)
    if (refusal !== undefined) throw new RetortError('ModelRefused', refusal)
    return model
  }
  return {
    inspect: async ({ model }) => cardOf(await find(model)),

    open: async ({ model: id }, { contextLength, signal, onProgress, letGo }) => {
      await find(id)
      signal.throwIfAborted()
      let makingRoom: Promise<void> | undefined
      const worker = openWorker<WebLlmContract>(startWorker)
      const teacher = await WorkerTeacher.open(
        worker,
        { model: id, contextLength, store: STORE },
        {
          signal,
          onProgress: (progress) => {
            // Everything is downloaded and the card fills: the model that is loaded makes room.
            if (progress.phase === 'building') makingRoom ??= letGo()
            onProgress(progress)
          },
        },
      )
      await (makingRoom ?? letGo())
      return teacher
    },
  }
}

/** The part of WebGPU that is asked; the compiler's DOM library does not know it. */
interface Gpu {
  requestAdapter(): Promise<{ readonly features: { has(name: string): boolean } } | null>
}

async function askForAdapter(): Promise<MachineFacts['webgpu']> {
  const { gpu } = globalThis.navigator as { readonly gpu?: Gpu }
  if (gpu === undefined)
    return { available: false, shaderF16: false, why: 'This browser does not offer it on this page.' }
  const adapter = await gpu.requestAdapter().catch(() => null)
  if (adapter === null)
    return {
      available: false,
      shaderF16: false,
      why: 'This browser knows it, but offers no graphics adapter on this machine.',
    }
  return { available: true, shaderF16: adapter.features.has('shader-f16') }
}

export const webLlm = makeWebLlmOpener({
  startWorker: () =>
    new Worker(new URL('../../web-llm.ts', import.meta.url), { type: 'module', name: 'web-llm' }),
  lookAtGpu: askForAdapter,
})
