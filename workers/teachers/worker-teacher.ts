// Knows: a teacher that runs in its own worker, and how it recovers when that worker loses the graphics card.
// Must not know: what runs there, how the worker is started.
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
} from '../../src/domain/completion-request.ts'
import type { TeacherDescription } from '../../src/domain/teacher-description.ts'
import type { GenerationProgress } from '../../src/engine/generation/generator.ts'
import type { SupervisedWorker } from '../../src/protocol/supervised-worker.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { GenerationSummary, LoadProgress } from '../../src/protocol/teacher.ts'
import type { WebLlmContract, WebLlmLoad } from '../../src/protocol/web-llm.ts'
import type { RequestHooks, Teacher } from './teacher.ts'

type OwnWorker = Pick<SupervisedWorker<WebLlmContract>, 'remote' | 'alive' | 'terminate'>

const STOPPED = 'The model’s worker was terminated because loading was stopped.'
const isDeviceLost = (thrown: unknown): boolean =>
  thrown instanceof RetortError && thrown.name === 'DeviceLost'

export class WorkerTeacher implements Teacher {
  readonly description: TeacherDescription
  readonly #worker: OwnWorker
  readonly #load: WebLlmLoad
  #released = false

  private constructor(worker: OwnWorker, load: WebLlmLoad, description: TeacherDescription) {
    this.#worker = worker
    this.#load = load
    this.description = description
  }

  /** Loads the model in the worker. If that fails or is stopped, the worker is terminated: nothing else reliably frees a graphics card. */
  static async open(
    worker: OwnWorker,
    load: WebLlmLoad,
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: LoadProgress) => void },
  ): Promise<WorkerTeacher> {
    return new WorkerTeacher(worker, load, await loadInWorker(worker, load, options))
  }

  async complete(
    requests: readonly CompletionRequest[],
    { signal, onResult, onProgress, onPartial }: RequestHooks<CompletionResult>,
  ): Promise<GenerationProgress> {
    return this.#call(requests, signal, onProgress, (pending, report) =>
      this.#worker.remote.complete(
        { requests: pending, partials: onPartial !== undefined },
        {
          onEvent: (event) => {
            if (event.kind === 'completion') report(event.result.id, () => onResult(event.result))
            else if (event.kind === 'partial') onPartial?.(event.id, event.text)
            else if (event.kind === 'progress') onProgress({ ...event, sharedTokens: 0 })
          },
          ...(signal.aborted ? {} : { signal }),
        },
      ),
    )
  }

  async score(
    requests: readonly ScoreRequest[],
    { signal, onResult, onProgress }: RequestHooks<ScoreResult>,
  ): Promise<GenerationProgress> {
    return this.#call(requests, signal, onProgress, (pending, report) =>
      this.#worker.remote.score(
        { requests: pending },
        {
          onEvent: (event) => {
            if (event.kind === 'score') report(event.result.id, () => onResult(event.result))
            else if (event.kind === 'progress') onProgress({ ...event, sharedTokens: 0 })
          },
          signal,
        },
      ),
    )
  }

  async countTokens(texts: readonly string[]): Promise<readonly number[]> {
    await this.#revive()
    return this.#worker.remote.countTokens({ texts })
  }

  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    if (this.#worker.alive) await this.#worker.remote.unload(null).catch(() => undefined)
    this.#worker.terminate('The model was unloaded.')
  }

  /** A terminated worker has lost its model: loads it again from the files stored on this machine. */
  async #revive(signal: AbortSignal = new AbortController().signal): Promise<void> {
    if (this.#released) throw new RetortError('NotLoaded', 'The model was unloaded. Load it again.')
    if (!this.#worker.alive)
      await loadInWorker(this.#worker, this.#load, { signal, onProgress: () => undefined })
  }

  /**
   * Makes a call, and repeats it for the pending requests in a new worker if the graphics card was lost: once for each loss, and only if a
   * result was reported since the last one, so that a model which is too large ends with an error.
   */
  async #call<Request extends { readonly id: string }>(
    requests: readonly Request[],
    signal: AbortSignal,
    onProgress: (progress: GenerationProgress) => void,
    call: (
      pending: readonly Request[],
      report: (id: string, onResult: () => void) => void,
    ) => Promise<GenerationSummary>,
  ): Promise<GenerationProgress> {
    const reported = new Set<string>()
    const startedAt = performance.now()
    if (signal.aborted) return NO_PROGRESS
    for (let reportedBefore = -1; ;) {
      await this.#revive(signal)
      try {
        const summary = await call(
          requests.filter(({ id }) => !reported.has(id)),
          (id, onResult) => {
            reported.add(id)
            onResult()
          },
        )
        const progress = { ...summary, ms: performance.now() - startedAt }
        onProgress(progress)
        return progress
      } catch (thrown) {
        if (!isDeviceLost(thrown) || reported.size === reportedBefore) throw thrown
        reportedBefore = reported.size
      }
    }
  }
}

const NO_PROGRESS: GenerationProgress = { promptTokens: 0, sharedTokens: 0, newTokens: 0, ms: 0 }

async function loadInWorker(
  { remote, terminate }: OwnWorker,
  load: WebLlmLoad,
  {
    signal,
    onProgress,
  }: { readonly signal: AbortSignal; readonly onProgress: (progress: LoadProgress) => void },
): Promise<TeacherDescription> {
  signal.throwIfAborted()
  const stop = (): void => terminate(STOPPED)
  signal.addEventListener('abort', stop)
  try {
    return await remote.load(load, { onEvent: onProgress })
  } catch (thrown) {
    terminate()
    signal.throwIfAborted()
    throw thrown
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
