// Knows: the contract of the teacher worker: one language model at a time, which generates, scores and embeds.
import type { ChatFormat } from '../domain/chat-format.ts'
import type { DatasetId, ProjectId } from '../domain/id.ts'
import type {
  CompletionRequest,
  CompletionResult,
  EmbedRequest,
  EmbedResult,
  ScoreRequest,
  ScoreResult,
} from '../domain/completion-request.ts'
import type { Backend } from '../domain/machine.ts'
import type { ModelCard, ModelRef } from '../domain/model-card.ts'
import type { HubListing, ModelSource, RemoteSource } from '../domain/model-source.ts'
import type { TeacherDescription } from '../domain/teacher-description.ts'
import type { WeightForm } from '../domain/weight-form.ts'
import type { Method } from './contract.ts'

export interface LoadRequest {
  readonly source: ModelSource
  readonly backend: Backend
  /** Store a copy in the origin-private file system under the file's name. */
  readonly keep: boolean
  /** Requested context length; bounded by the model. */
  readonly contextLength: number
  /** How to hold the weights in memory; absent: the fastest way that fits. */
  readonly weights?: WeightForm
  /** In place of the model's own chat template; for files only. */
  readonly chatFormat?: ChatFormat
  /** Texts that the cost of rounding is measured on. */
  readonly samples?: readonly string[]
}

export interface LoadProgress {
  readonly phase: 'reading' | 'downloading' | 'keeping' | 'building' | 'warming'
  /** Bytes done and in total in this phase; `total` is 0 if unknown. */
  readonly done: number
  readonly total: number
}

export type GenerationEvent =
  /** A completion is finished: store it now. */
  | { readonly kind: 'completion'; readonly result: CompletionResult }
  /** A score request is finished. */
  | { readonly kind: 'score'; readonly result: ScoreResult }
  /** A text is embedded. */
  | { readonly kind: 'embedding'; readonly result: EmbedResult }
  /** Tokens prefilled and decoded since the call began. */
  | {
      readonly kind: 'progress'
      readonly promptTokens: number
      readonly newTokens: number
      readonly ms: number
    }
  /** A completion's text so far, for display. */
  | { readonly kind: 'partial'; readonly id: string; readonly text: string }

export interface GenerationSummary {
  readonly promptTokens: number
  /** Prompt tokens that were not prefilled again, because of a shared prefix. */
  readonly sharedTokens: number
  readonly newTokens: number
  readonly ms: number
}

/** Which soft targets the teacher computes for a dataset's completions. */
export interface SoftTargetsRequest {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  /** Top-k tokens stored for each token of a completion. */
  readonly topK: number
  /** Of the stored distributions. */
  readonly temperature: number
  /** Store the directions of its hidden states too: 2 bytes for each of `width` numbers for each token. */
  readonly hidden?: boolean
}

export interface SoftTargetsSummary {
  /** Name of the stored file, for the training of a student. */
  readonly softTargets: string
  /** Training rows, and how many of them did not fit the teacher's context. */
  readonly rows: number
  readonly refused: number
  /** The teacher that computed them. */
  readonly teacher: ModelRef
}

/** Lends the teacher to a student, for soft targets of its own completions like those of the dataset's texts. */
export interface LendRequest extends SoftTargetsRequest {
  /** The stored soft targets of the texts; the file has the vocabulary that both share. */
  readonly softTargets: string
  /** The model that must be loaded. */
  readonly teacher: ModelRef
  /** Port on which a `LentTeacherContract` is served; to be transferred. */
  readonly port: MessagePort
}

/** Which soft targets the teacher computes over the classes of a dataset. */
export interface ClassSoftTargetsRequest {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  /** Of the stored distributions over the classes. */
  readonly temperature: number
}

export interface ClassSoftTargetsSummary {
  /** Name of the stored file, for the training of a student. */
  readonly softTargets: string
  readonly rows: number
}

/** A model in a server's list. */
export interface ServedModel {
  readonly id: string
  /** As listed; it identifies most server programs. */
  readonly owner: string
  readonly contextLength?: number
  readonly parameters?: number
}

/** A server's list of models, and the address that lists them. */
export interface ServedModels {
  /** The base address of its protocol: what was typed, completed. */
  readonly url: string
  readonly models: readonly ServedModel[]
}

export interface TeacherContract {
  /** The port to the network worker, to be transferred, or null when it is stopped: requests in progress then fail. */
  useNetwork: Method<{ readonly port: MessagePort | null }, null>
  /** The models that a server at a typed address lists; a missing scheme or path is tried out. Throws `ModelRefused` and `DownloadFailed`. */
  listServedModels: Method<{ url: string; key?: string }, ServedModels>
  /** Reads a header and describes the model, or throws `ModelRefused` with the reason. Loads no weights. */
  inspect: Method<{ source: ModelSource }, ModelCard>
  /** Loads a model and unloads the earlier one. Throws `ModelRefused`, `OutOfMemory`, `DownloadFailed`. */
  load: Method<LoadRequest, TeacherDescription, LoadProgress>
  unload: Method<null, null>
  /** The loaded model, if any. */
  describe: Method<null, TeacherDescription | null>
  /**
   * Completes all requests in batches; each result is an event as soon as it is finished, in any order.
   * On abort, unfinished completions are reported with `finishReason` `aborted` and their text so far. Throws `NotLoaded`.
   */
  complete: Method<
    { requests: readonly CompletionRequest[]; partials: boolean },
    GenerationSummary,
    GenerationEvent
  >
  /** Log-probabilities of continuations, in batches; each result is an event. Throws `NotLoaded`. */
  score: Method<{ requests: readonly ScoreRequest[] }, GenerationSummary, GenerationEvent>
  /** Vectors of texts, in batches; each result is an event. Throws `NotLoaded`, and `ModelRefused` if the model gives none. */
  embed: Method<{ requests: readonly EmbedRequest[] }, GenerationSummary, GenerationEvent>
  /**
   * Computes and stores the teacher's soft targets for the training rows of a dataset; events report the rows done. Stored rows are not
   * computed again: an interrupted computation resumes. Throws `NotLoaded`, `ModelRefused`, `StorageFull`.
   */
  computeSoftTargets: Method<
    SoftTargetsRequest,
    SoftTargetsSummary,
    { readonly done: number; readonly total: number }
  >
  /**
   * Serves the loaded model on the given port until aborted, which is its only end; one event reports that it is ready. If the model is
   * unloaded meanwhile, requests on that port fail. Throws `NotLoaded`, and `ModelRefused` if another model is loaded.
   */
  lend: Method<LendRequest, null, { readonly kind: 'ready' }>
  /**
   * Computes and stores the teacher's probabilities of each class (the distinct completions) for the training rows of a dataset, like
   * `computeSoftTargets`. Throws the same errors, and `ModelRefused` if the rows have no classes.
   */
  computeClassSoftTargets: Method<
    ClassSoftTargetsRequest,
    ClassSoftTargetsSummary,
    { readonly done: number; readonly total: number }
  >
  /** Number of tokens of each text under the loaded model's tokenizer. */
  countTokens: Method<{ texts: readonly string[] }, readonly number[]>
  /** Lists the models on a hub's page. Throws `ModelRefused`, `DownloadFailed`. */
  browse: Method<{ url: string }, HubListing>
  /** Downloads and stores a model without loading it. */
  download: Method<{ source: RemoteSource }, ModelCard, LoadProgress>
}
