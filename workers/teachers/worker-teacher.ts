// Knows: a teacher that runs in a worker of its own, and how it goes on when that worker's graphics card is lost.
// Must not know: what runs there, how the worker is started.
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
  TeacherDescription,
} from '../../src/domain/model.ts'
import type { Progress } from '../../src/engine/generation/generator.ts'
import type { SupervisedWorker } from '../../src/protocol/channel.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { GenerationSummary, LoadProgress } from '../../src/protocol/teacher.ts'
import type { WebLlmContract, WebLlmLoad } from '../../src/protocol/web-llm.ts'
import type { AskHooks, Teacher } from './teacher.ts'

type OwnWorker = Pick<SupervisedWorker<WebLlmContract>, 'remote' | 'alive' | 'terminate'>

const STOPPED = 'The model’s worker was ended because loading was stopped.'
const isLoss = (thrown: unknown): boolean => thrown instanceof RetortError && thrown.name === 'DeviceLost'

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

  /** Loads the model there. Where that fails or is stopped the worker is ended: nothing else frees a graphics card for certain. */
  static async open(
    worker: OwnWorker,
    load: WebLlmLoad,
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: LoadProgress) => void },
  ): Promise<WorkerTeacher> {
    return new WorkerTeacher(worker, load, await loadThere(worker, load, options))
  }

  async complete(
    requests: readonly CompletionRequest[],
    { signal, onResult, onProgress, onPartial }: AskHooks<CompletionResult>,
  ): Promise<Progress> {
    return this.#ask(requests, signal, onProgress, (left, tell) =>
      this.#worker.remote.complete(
        { requests: left, partials: onPartial !== undefined },
        {
          onEvent: (event) => {
            if (event.kind === 'completion') tell(event.result.id, () => onResult(event.result))
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
    { signal, onResult, onProgress }: AskHooks<ScoreResult>,
  ): Promise<Progress> {
    return this.#ask(requests, signal, onProgress, (left, tell) =>
      this.#worker.remote.score(
        { requests: left },
        {
          onEvent: (event) => {
            if (event.kind === 'score') tell(event.result.id, () => onResult(event.result))
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
    this.#worker.terminate('The model was let go.')
  }

  /** A worker that has died holds nothing: what it held is loaded again, from what is kept on this machine. */
  async #revive(signal: AbortSignal = new AbortController().signal): Promise<void> {
    if (this.#released) throw new RetortError('NotLoaded', 'The model was let go. Load it again.')
    if (!this.#worker.alive)
      await loadThere(this.#worker, this.#load, { signal, onProgress: () => undefined })
  }

  /**
   * Asks, and asks the rest again with a new worker when the graphics card was lost: once for each loss, and only where something was
   * answered since the last one, so that a model which is too large ends and says so.
   */
  async #ask<Request extends { readonly id: string }>(
    requests: readonly Request[],
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
    ask: (
      left: readonly Request[],
      tell: (id: string, onResult: () => void) => void,
    ) => Promise<GenerationSummary>,
  ): Promise<Progress> {
    const told = new Set<string>()
    const startedAt = performance.now()
    if (signal.aborted) return NOTHING_DONE
    for (let answered = -1; ;) {
      await this.#revive(signal)
      try {
        const summary = await ask(
          requests.filter(({ id }) => !told.has(id)),
          (id, onResult) => {
            told.add(id)
            onResult()
          },
        )
        const progress = { ...summary, ms: performance.now() - startedAt }
        onProgress(progress)
        return progress
      } catch (thrown) {
        if (!isLoss(thrown) || told.size === answered) throw thrown
        answered = told.size
      }
    }
  }
}

const NOTHING_DONE: Progress = { promptTokens: 0, sharedTokens: 0, newTokens: 0, ms: 0 }

async function loadThere(
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
