// Knows: how a session is made and runs: one run at a time, errors named.
// Must not know: which models are run, how the runtime came here.
import type { InferenceSession } from 'onnxruntime-web/wasm'
import { EngineError, engineErrorOf } from '../errors.ts'
import type { OnnxModel } from '../graph/graph.ts'
import type { Line } from './line.ts'
import type { OrtModule } from './load-ort.ts'
import { fromOrt, toOrt } from './tensors.ts'
import type { Backend, Feeds, OpenOptions, Outputs, Session } from './types.ts'

export interface SessionPlace {
  readonly backend: Backend
  /** Runs of one realm wait in it. */
  readonly line: Line
  /** Threads of the native backend, which has them for each session. */
  readonly threads?: number
}

/** A session of a model. Throws EngineError. */
export async function makeSession(ort: OrtModule, { backend, line, threads }: SessionPlace, model: OnnxModel, options: OpenOptions): Promise<Session> {
  const kept = backend === 'webgpu' ? (options.onDevice ?? []) : []
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [backend === 'native' ? 'cpu' : backend],
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    externalData: model.external.map(({ path, data }) => ({ path, data })),
    logSeverityLevel: 3,
    ...(kept.length > 0 ? { preferredOutputLocation: Object.fromEntries(model.outputs.map(({ name }) => [name, kept.includes(name) ? 'gpu-buffer' : 'cpu'] as const)) } : {}),
    ...(backend === 'webgpu' && options.forbidFallback === true ? { extra: { session: { disable_cpu_ep_fallback: '1' } } } : {}),
  }
  let session: InferenceSession | undefined
  try {
    session = await ort.InferenceSession.create(model.bytes, settings)
  } catch (thrown) {
    throw engineErrorOf(thrown, 'building the model')
  }
  const run = async (feeds: Feeds, wanted?: readonly string[]): Promise<Outputs> => {
    if (session === undefined) throw new EngineError('broken', 'A session was asked after it had been released.')
    try {
      const given = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort.Tensor, tensor)]))
      const answer = await (wanted === undefined ? session.run(given) : session.run(given, [...wanted]))
      return Object.fromEntries(Object.entries(answer).map(([name, tensor]) => [name, fromOrt(tensor)]))
    } catch (thrown) {
      throw engineErrorOf(thrown, 'computing')
    }
  }
  return {
    run: (feeds, wanted) => line.run(() => run(feeds, wanted)),
    release: () =>
      line.run(async () => {
        const open = session
        session = undefined
        await open?.release()
      }),
  }
}
