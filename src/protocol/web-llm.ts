// Knows: the contract of WebLLM's own worker: one model at a time, loaded by its id in WebLLM's catalogue, asked and scored.
import type { CompletionRequest, ScoreRequest, TeacherDescription } from '../domain/model.ts'
import type { Method } from './contract.ts'
import type { GenerationEvent, GenerationSummary, LoadProgress } from './teacher.ts'

/** Where WebLLM keeps what it downloads: the Cache API, IndexedDB, or the origin-private file system. */
export type WebLlmStore = 'cache' | 'indexeddb' | 'opfs'

export interface WebLlmLoad {
  readonly model: string
  /** Tokens of context wanted; bounded by the model. */
  readonly contextLength: number
  readonly store: WebLlmStore
}

export interface WebLlmContract {
  /** Loads a model, letting an earlier one go. Throws `ModelRefused`, `DownloadFailed`, `StorageFull`, `DeviceLost`. An abort leaves what came. */
  load: Method<WebLlmLoad, TeacherDescription, LoadProgress>
  unload: Method<null, null>
  /** The loaded model, if any. */
  describe: Method<null, TeacherDescription | null>
  /** As `TeacherContract.complete`, one row after another. Throws `NotLoaded`, `DeviceLost`. */
  complete: Method<
    { readonly requests: readonly CompletionRequest[]; readonly partials: boolean },
    GenerationSummary,
    GenerationEvent
  >
  /** As `TeacherContract.score`. Throws `NotLoaded`, `ModelRefused`, `DeviceLost`. */
  score: Method<{ readonly requests: readonly ScoreRequest[] }, GenerationSummary, GenerationEvent>
  countTokens: Method<{ readonly texts: readonly string[] }, readonly number[]>
}
