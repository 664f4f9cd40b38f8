// Knows: how a session is made and runs: one run at a time, errors named.
// Must not know: which models are run, how the runtime came here.
import type { InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import { EngineError, engineErrorOf } from '../errors.ts'
import type { CardWatch } from './card-watch.ts'
import type { HeapModule } from './heap-module.ts'
import { HeapRun } from './heap-run.ts'
import type { Line } from './line.ts'
import type { OrtModule } from './load-ort.ts'
import { fromOrt, toOrt, type Guard } from './tensors.ts'
import type { Backend, Feeds, HostTensor, OpenOptions, Outputs, RunnableModel, Session } from './types.ts'

export interface SessionPlace {
  readonly backend: Backend
  /** Runs of one realm wait in it. */
  readonly line: Line
  /** Of the graphics card, where that is the backend. */
  readonly watch?: CardWatch
  /** The module that the session runs on, where it is known. */
  readonly findHeap?: () => HeapModule | undefined
  /** Threads of the native backend, which has them for each session. */
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
  { backend, line, watch, threads, findHeap }: SessionPlace,
  model: RunnableModel,
  options: OpenOptions,
): Promise<Session> {
  const kept = backend === 'webgpu' ? (options.onDevice ?? []) : []
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [backend === 'native' ? 'cpu' : backend],
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    // What a mask leaves of a softmax is too small for a normal float, and natively such numbers are slow.
    ...(backend === 'native' ? { extra: { session: { set_denormal_as_zero: '1' } } } : {}),
    externalData: model.external.map(({ path, data }) => ({ path, data })),
    logSeverityLevel: 3,
    ...(kept.length > 0
      ? {
          preferredOutputLocation: Object.fromEntries(
            model.outputs.map(({ name }) => [name, kept.includes(name) ? 'gpu-buffer' : 'cpu'] as const),
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
  await watch?.look(ort)
  const run = async (
    feeds: Feeds,
    wanted?: readonly string[],
    spare: Readonly<Record<string, HostTensor>> = {},
  ): Promise<Outputs> => {
    if (session === undefined)
      throw new EngineError('broken', 'A session was asked after it had been released.')
    const open = session
    return guard(async () => {
      const given = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort.Tensor, tensor)]),
      )
      // The browser's builds copy every output and would leave given memory as it is.
      const into = (name: string): Tensor | null =>
        backend === 'native' && spare[name] ? toOrt(ort.Tensor, spare[name]) : null
      const answer = await open.run(
        given,
        Object.fromEntries((wanted ?? open.outputNames).map((name) => [name, into(name)])),
      )
      return Object.fromEntries(
        Object.entries(answer).map(([name, tensor]) => [name, fromOrt(tensor, guard)]),
      )
    }, 'computing')
  }
  const heap = findHeap?.()
  const handle = handleOf(session)
  const heapRun = heap === undefined || handle === undefined ? undefined : new HeapRun(heap, handle)
  const look: Session['look'] = (feeds, wanted, use) =>
    line.run(() => {
      if (session === undefined || heapRun === undefined)
        throw new EngineError('broken', 'A session was asked after it had been released.')
      return guard(() => heapRun.run(feeds, wanted, use), 'computing')
    })
  return {
    run: (feeds, wanted, spare) => line.run(() => run(feeds, wanted, spare)),
    ...(heapRun === undefined ? {} : { look }),
    release: () =>
      line.run(async () => {
        const open = session
        session = undefined
        await open?.release()
        heapRun?.release()
      }),
  }
}

/** The C interface's handle of a session, which onnxruntime-web keeps to itself; undefined where it keeps it elsewhere than it does now. */
function handleOf(session: object): number | undefined {
  const handler: unknown = Reflect.get(session, 'handler')
  const id: unknown =
    typeof handler === 'object' && handler !== null ? Reflect.get(handler, 'sessionId') : undefined
  return typeof id === 'number' ? id : undefined
}
