// Knows: a teacher from WebLLM's catalogue: refused or described from the catalogue's facts, loaded in its own worker.
// Must not know: the package, which only that worker loads.
import type { MachineFacts } from '../../../src/domain/machine.ts'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import type { WebLlmModel } from '../../../src/domain/web-llm.ts'
import { findWebLlmModel, refuseMachine, refuseModel } from '../../../src/pipeline/web-llm/catalogue.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { openWorker, type WorkerLike } from '../../../src/protocol/supervised-worker.ts'
import type { WebLlmContract } from '../../../src/protocol/web-llm.ts'
import { shareNetwork } from '../../network/fetch-beyond.ts'
import type { Opener } from './opener.ts'
import { cardOf } from '../web-llm/card.ts'
import { WorkerTeacher } from '../worker-teacher.ts'

type WebLlmSource = Extract<ModelSource, { readonly kind: 'web-llm' }>

export interface WebLlmEnvironment {
  readonly startWorker: () => WorkerLike
  readonly inspectGpu: () => Promise<MachineFacts['webgpu']>
}

/**
 * The Cache API: WebLLM's own default, in every browser with WebGPU; each file is stored under its address, so stored files can be listed,
 * measured and deleted without the package. The origin-private file system reads faster, but names files by hashes of their addresses.
 */
const STORE = 'cache'

export const makeWebLlmOpener = ({
  startWorker,
  inspectGpu: lookAtGpu,
}: WebLlmEnvironment): Opener<WebLlmSource> => {
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

    open: async ({ model: id }, { contextLength, signal, onProgress, unloadPrevious }) => {
      await find(id)
      signal.throwIfAborted()
      let makingRoom: Promise<void> | undefined
      const worker = openWorker<WebLlmContract>(startWorker)
      const port = await shareNetwork()
      if (port !== undefined) await worker.remote.useNetwork({ port }, { transfer: [port] })
      const teacher = await WorkerTeacher.open(
        worker,
        { model: id, contextLength, store: STORE },
        {
          signal,
          onProgress: (progress) => {
            // Everything is downloaded and the graphics card fills up: the loaded model is unloaded to make room.
            if (progress.phase === 'building') makingRoom ??= unloadPrevious()
            onProgress(progress)
          },
        },
      )
      await (makingRoom ?? unloadPrevious())
      return teacher
    },
  }
}

/** The part of WebGPU that is used here; the compiler's DOM library lacks it. */
interface Gpu {
  requestAdapter(): Promise<{ readonly features: { has(name: string): boolean } } | null>
}

async function requestAdapterFacts(): Promise<MachineFacts['webgpu']> {
  const { gpu } = globalThis.navigator as { readonly gpu?: Gpu }
  if (gpu === undefined)
    return { available: false, shaderF16: false, reason: 'This browser does not support it on this page.' }
  const adapter = await gpu.requestAdapter().catch(() => null)
  if (adapter === null)
    return {
      available: false,
      shaderF16: false,
      reason: 'This browser supports it, but offers no graphics adapter on this machine.',
    }
  return { available: true, shaderF16: adapter.features.has('shader-f16') }
}

export const webLlm = makeWebLlmOpener({
  startWorker: () =>
    new Worker(new URL('../../web-llm.ts', import.meta.url), { type: 'module', name: 'web-llm' }),
  inspectGpu: requestAdapterFacts,
})
