// Knows: the contract of the teacher worker: one language model at a time, described, asked and scored.
import type { DatasetId, ProjectId } from '../domain/id.ts'
import type {
  Backend,
  CompletionRequest,
  CompletionResult,
  HubListing,
  ModelCard,
  ModelRef,
  ModelSource,
  RemoteSource,
  ScoreRequest,
  ScoreResult,
  TeacherDescription,
  WeightForm,
} from '../domain/model.ts'
import type { Method } from './contract.ts'

export interface LoadRequest {
  readonly source: ModelSource
  readonly backend: Backend
  /** Keep a copy in the origin-private file system under the file's name. */
  readonly keep: boolean
  /** Tokens of context wanted; bounded by the model. */
  readonly contextLength: number
  /** How the weights are to lie in memory; absent: what is fastest where it fits. */
  readonly weights?: WeightForm
}

export interface LoadProgress {
  readonly phase: 'reading' | 'downloading' | 'keeping' | 'building' | 'warming'
  /** Bytes done and to do in this phase; `total` 0 where unknown. */
  readonly done: number
  readonly total: number
}

export type GenerationEvent =
  /** A completion has ended: store it now. */
  | { readonly kind: 'completion'; readonly result: CompletionResult }
  /** A verdict's score is there. */
  | { readonly kind: 'score'; readonly result: ScoreResult }
  /** Tokens worked on since the call began, prompts' and written ones. */
  | {
      readonly kind: 'progress'
      readonly promptTokens: number
      readonly newTokens: number
      readonly ms: number
    }
  /** Text so far of a row, for the screen. */
  | { readonly kind: 'partial'; readonly id: string; readonly text: string }

export interface GenerationSummary {
  readonly promptTokens: number
  /** Prompt tokens that a shared prefix spared. */
  readonly sharedTokens: number
  readonly newTokens: number
  readonly ms: number
}

/** What the teacher is asked to say along a dataset's completions. */
export interface TraceRequest {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  /** Likeliest tokens stored for each token of a completion. */
  readonly choices: number
  /** Of the stored distributions. */
  readonly temperature: number
  /** Store the directions of its hidden states too: 2 bytes a number of the width for each token. */
  readonly hidden?: boolean
}

export interface TraceSummary {
  /** Name of the stored file, which a student is trained with. */
  readonly trace: string
  /** Training rows, and those that did not fit the teacher's context. */
  readonly rows: number
  readonly refused: number
  /** Whose probabilities they are. */
  readonly teacher: ModelRef
}

/** What a teacher is lent for: to say of a student's answers what it said of the dataset's texts. */
export interface LendRequest extends TraceRequest {
  /** The stored file of what it said of the texts, which has the vocabulary that both share. */
  readonly trace: string
  /** The model that must be loaded. */
  readonly teacher: ModelRef
  /** Where a `LentTeacherContract` is served; to be transferred. */
  readonly port: MessagePort
}

/** What the teacher is asked to say of the classes of a dataset. */
export interface ClassTraceRequest {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  /** Of the stored distributions over the classes. */
  readonly temperature: number
}

export interface ClassTraceSummary {
  /** Name of the stored file, which a student is trained with. */
  readonly trace: string
  readonly rows: number
}

/** A model in a server's list. */
export interface ServedModel {
  readonly id: string
  /** As the list says it: most programs can be told by it. */
  readonly owner: string
  readonly contextLength?: number
  readonly parameters?: number
}

export interface TeacherContract {
  /** The models that a program at an address serves. Throws `ModelRefused` and `DownloadFailed`. */
  findServed: Method<{ url: string; key?: string }, readonly ServedModel[]>
  /** Reads a header and describes the model, or throws `ModelRefused` with the reason. Loads nothing. */
  inspect: Method<{ source: ModelSource }, ModelCard>
  /** Loads a model, letting an earlier one go. Throws `ModelRefused`, `OutOfMemory`, `DownloadFailed`. */
  load: Method<LoadRequest, TeacherDescription, LoadProgress>
  unload: Method<null, null>
  /** The loaded model, if any. */
  describe: Method<null, TeacherDescription | null>
  /**
   * Completes all requests in batches; each result is told as an event as soon as it ends, in any order.
   * On abort the unfinished rows are told with ending `aborted` and their text so far. Throws `NotLoaded`.
   */
  complete: Method<
    { requests: readonly CompletionRequest[]; partials: boolean },
    GenerationSummary,
    GenerationEvent
  >
  /** Log-probabilities of continuations, in batches; each result is an event. Throws `NotLoaded`. */
  score: Method<{ requests: readonly ScoreRequest[] }, GenerationSummary, GenerationEvent>
  /**
   * Stores the teacher's probabilities along the training rows of a dataset; events tell rows done. What is stored already is not
   * asked again, and a tracing that was cut off goes on. Throws `NotLoaded`, `ModelRefused`, `StorageFull`.
   */
  trace: Method<TraceRequest, TraceSummary, { readonly done: number; readonly total: number }>
  /**
   * Serves the loaded model on a port of its own until aborted, which is its only end; one event tells that it does. A model that is
   * let go meanwhile is told to whoever asks on that port. Throws `NotLoaded`, and `ModelRefused` where another model is loaded.
   */
  lend: Method<LendRequest, null, { readonly kind: 'ready' }>
  /**
   * Stores the teacher's probabilities of each class (the different completions) for the training rows of a dataset, as `trace` does.
   * Throws as `trace` does, and `ModelRefused` where the rows have no classes.
   */
  traceClasses: Method<
    ClassTraceRequest,
    ClassTraceSummary,
    { readonly done: number; readonly total: number }
  >
  /** Tokens of a text under the loaded model's tokenizer. */
  countTokens: Method<{ texts: readonly string[] }, readonly number[]>
  /** Asks a hub what a model's page holds. Throws `ModelRefused`, `DownloadFailed`. */
  browse: Method<{ url: string }, HubListing>
  /** Downloads a model into the store without loading it. */
  download: Method<{ source: RemoteSource }, ModelCard, LoadProgress>
}
