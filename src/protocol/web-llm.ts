// Knows: the contract of WebLLM's own worker: one model at a time, loaded by its id in WebLLM's catalogue, which generates and scores.
import type { CompletionRequest, ScoreRequest } from '../domain/completion-request.ts'
import type { TeacherDescription } from '../domain/teacher-description.ts'
import type { Method } from './contract.ts'
import type { GenerationEvent, GenerationSummary, LoadProgress } from './teacher.ts'

/** Where WebLLM stores its downloads: the Cache API, IndexedDB, or the origin-private file system. */
export type WebLlmStore = 'cache' | 'indexeddb' | 'opfs'

export interface WebLlmLoad {
  readonly model: string
  /** Requested context length; bounded by the model. */
  readonly contextLength: number
  readonly store: WebLlmStore
}

export interface WebLlmContract {
  /**
   * Loads a model and unloads the earlier one. Throws `ModelRefused`, `DownloadFailed`, `StorageFull`, `DeviceLost`. An abort
   * leaves the files downloaded so far.
   */
  load: Method<WebLlmLoad, TeacherDescription, LoadProgress>
  /** The port to the network worker, to be transferred; without one, only stored files can be loaded. */
  useNetwork: Method<{ readonly port: MessagePort | null }, null>
  unload: Method<null, null>
  /** The loaded model, if any. */
  describe: Method<null, TeacherDescription | null>
  /** Like `TeacherContract.complete`, one request after another. Throws `NotLoaded`, `DeviceLost`. */
  complete: Method<
    { readonly requests: readonly CompletionRequest[]; readonly partials: boolean },
    GenerationSummary,
    GenerationEvent
  >
  /** Like `TeacherContract.score`. Throws `NotLoaded`, `ModelRefused`, `DeviceLost`. */
  score: Method<{ readonly requests: readonly ScoreRequest[] }, GenerationSummary, GenerationEvent>
  countTokens: Method<{ readonly texts: readonly string[] }, readonly number[]>
}
