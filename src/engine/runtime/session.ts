// Knows: how a session is created and runs: one run at a time, errors as EngineError.
// Must not know: which models run, how the runtime was loaded.
import type { InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import { EngineError, engineErrorOf } from '../errors.ts'
import type { CardWatch } from './card-watch.ts'
import type { HeapModule } from './heap-module.ts'
import { HeapRun } from './heap-run.ts'
import type { Queue } from './queue.ts'
import type { OrtModule } from './load-ort.ts'
import { fromOrt, toOrt, type Guard } from './tensors.ts'
import type { Backend, Feeds, HostTensor, OpenOptions, Outputs, RunnableModel, Session } from './types.ts'

export interface SessionContext {
  readonly backend: Backend
  /** Serialises the runs of one realm. */
  readonly queue: Queue
  /** Watches the GPU device, on the WebGPU backend only. */
  readonly watch?: CardWatch
  /** The wasm module of the session, if known. */
  readonly findHeap?: () => HeapModule | undefined
  /** Threads per session of the native backend. */
  readonly threads?: number
}

const nameErrors: Guard = async (work, doing) => {
  try {
    return await work()
  } catch (thrown) {
    throw engineErrorOf(thrown, doing)
  }
}

/** A session of a model. Throws EngineError. */
export async function makeSession(
  ort: OrtModule,
  { backend, queue, watch, threads, findHeap }: SessionContext,
  model: RunnableModel,
  options: OpenOptions,
): Promise<Session> {
  const onDevice = backend === 'webgpu' ? (options.onDevice ?? []) : []
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [backend === 'native' ? 'cpu' : backend],
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    // Masked softmax values are denormal floats, which are slow on native CPUs.
    ...(backend === 'native' ? { extra: { session: { set_denormal_as_zero: '1' } } } : {}),
    externalData: model.external.map(({ path, data }) => ({ path, data })),
    logSeverityLevel: 3,
    ...(onDevice.length > 0
      ? {
          preferredOutputLocation: Object.fromEntries(
            model.outputs.map(({ name }) => [name, onDevice.includes(name) ? 'gpu-buffer' : 'cpu'] as const),
          ),
        }
      : {}),
    ...(backend === 'webgpu' && options.forbidFallback === true
      ? { extra: { session: { disable_cpu_ep_fallback: '1' } } }
      : {}),
  }
  const guard: Guard = watch ? (work, doing) => watch.guard(work, doing) : nameErrors
  let session: InferenceSession | undefined = await guard(
    () => ort.InferenceSession.create(model.bytes, settings),
    'building the model',
  )
  await watch?.observe(ort)
  const run = async (
    feeds: Feeds,
    wanted?: readonly string[],
    spare: Readonly<Record<string, HostTensor>> = {},
  ): Promise<Outputs> => {
    if (session === undefined) throw new EngineError('broken', 'A session was used after it was released.')
    const open = session
    return guard(async () => {
      const inputs = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort.Tensor, tensor)]),
      )
      // The browser's builds copy every output and would not write to memory passed in.
      const into = (name: string): Tensor | null =>
        backend === 'native' && spare[name] ? toOrt(ort.Tensor, spare[name]) : null
      const outputs = await open.run(
        inputs,
        Object.fromEntries((wanted ?? open.outputNames).map((name) => [name, into(name)])),
      )
      return Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => [name, fromOrt(tensor, guard)]),
      )
    }, 'computing')
  }
  const heap = findHeap?.()
  const handle = handleOf(session)
  const heapRun = heap === undefined || handle === undefined ? undefined : new HeapRun(heap, handle)
  const runInPlace: Session['runInPlace'] = (feeds, wanted, use) =>
    queue.run(() => {
      if (session === undefined || heapRun === undefined)
        throw new EngineError('broken', 'A session was used after it was released.')
      return guard(() => heapRun.run(feeds, wanted, use), 'computing')
    })
  return {
    run: (feeds, wanted, spare) => queue.run(() => run(feeds, wanted, spare)),
    ...(heapRun === undefined ? {} : { runInPlace }),
    release: () =>
      queue.run(async () => {
        const open = session
        session = undefined
        await open?.release()
        heapRun?.release()
      }),
  }
}

/** The C API's handle of a session, a private field of onnxruntime-web; undefined if a version stores it elsewhere. */
function handleOf(session: object): number | undefined {
  const handler: unknown = Reflect.get(session, 'handler')
  const id: unknown =
    typeof handler === 'object' && handler !== null ? Reflect.get(handler, 'sessionId') : undefined
  return typeof id === 'number' ? id : undefined
}
