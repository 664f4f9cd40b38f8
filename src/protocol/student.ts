// Knows: the contract of the student worker: trains, resumes, generates with and exports students. It reads the dataset itself.
import type { DatasetId, ProjectId, RecipeHash, StudentId } from '../domain/id.ts'
import type { MachineCheck } from '../domain/machine-check.ts'
import type { CompletionRequest } from '../domain/completion-request.ts'
import type { Backend } from '../domain/machine.ts'
import type { BaseModel, LossPoint, StudentSample, StudentShape, TrainSettings } from '../domain/student.ts'
import type { StoredSoftTargets } from '../domain/soft-targets.ts'
import type { Method } from './contract.ts'
import type { GenerationEvent, GenerationSummary } from './teacher.ts'

export interface TrainRequest {
  readonly projectId: ProjectId
  readonly studentId: StudentId
  readonly datasetId: DatasetId
  readonly recipeHash: RecipeHash
  readonly settings: TrainSettings
  readonly backend: Backend
  /** The file of the teacher's soft targets, if the loss needs one. */
  readonly softTargets?: string
  /** Instead of `softTargets`, if the student learns from several teachers: the file of each and its weight, above 0. */
  readonly teachers?: readonly { readonly softTargets: string; readonly weight: number }[]
  /** The port to the lent teacher, if the loss needs soft targets for the student's own completions; to be transferred. */
  readonly lent?: MessagePort
  /** The student that training continues from, if the loss needs one. */
  readonly base?: StudentId
  /** The imported model under the adapters, if the loss trains any. */
  readonly baseModel?: BaseModel
}

export type TrainEvent =
  | {
      readonly kind: 'phase'
      readonly phase: 'tokenizer' | 'loading' | 'packing' | 'building' | 'training' | 'resuming'
      readonly sentence: string
    }
  /** Known when the tokenizer is trained and the rows are packed. */
  | {
      readonly kind: 'shape'
      readonly shape: StudentShape
      readonly parameters: number
      readonly trainedParameters?: number
      readonly truncatedRows: number
      readonly skippedRows: number
      readonly classes?: readonly string[]
      readonly notes?: readonly string[]
    }
  | {
      readonly kind: 'step'
      readonly point: LossPoint
      readonly tokensPerSecond: number
      readonly learningRate: number
      readonly gradientNorm: number
      readonly msLeft: number
      readonly note?: string
    }
  /** What it generates, and the held-out rows that it gets wrong, if answers are right or wrong. */
  | {
      readonly kind: 'samples'
      readonly samples: readonly StudentSample[]
      readonly mistakes?: readonly StudentSample[]
    }
  /** A sentence about the rows or the student, in addition to those of `shape`. */
  | { readonly kind: 'note'; readonly note: string }
  /** Weights, optimizer state, data cursor and RNG state are stored, and the best weights with their step. */
  | { readonly kind: 'checkpoint'; readonly step: number; readonly bestStep?: number }

export interface TrainOutcome {
  /** `finished`: trained to the last step, or stopped early; `stopped`: aborted, after a checkpoint. */
  readonly outcome: 'finished' | 'stopped'
  readonly step: number
  /** The step with the lowest held-out loss, whose weights are the student's; absent without held-out rows. */
  readonly bestStep?: number
}

/** Export format; `adapter` is for students with adapters, which are merged into the weights in the other formats. */
export type StudentFormat = 'huggingface' | 'gguf' | 'adapter'

export interface StudentFiles {
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[]
}

/** The result of one claim of the self-check. */
export interface SelfCheckEvent {
  readonly done: number
  readonly total: number
  readonly result: MachineCheck
}
export interface SelfCheckSummary {
  readonly tried: number
  readonly failed: number
  readonly threads: number
}

export interface StudentContract {
  /** Checks training on this machine; each claim is an event. Throws if the backend does not open. */
  check: Method<{ backend: Backend }, SelfCheckSummary, SelfCheckEvent>
  /** Trains from the last checkpoint if there is one, else from the start. An abort stores a checkpoint, then ends. */
  train: Method<TrainRequest, TrainOutcome, TrainEvent>
  /** The soft targets stored for a dataset, the newest first. */
  listSoftTargets: Method<{ projectId: ProjectId; datasetId: DatasetId }, readonly StoredSoftTargets[]>
  /** Completions by a stored student: `before` with its initial weights, `after` with the best weights of its checkpoint. */
  complete: Method<
    {
      projectId: ProjectId
      studentId: StudentId
      which: 'before' | 'after'
      requests: readonly CompletionRequest[]
    },
    GenerationSummary,
    GenerationEvent
  >
  /**
   * Files for other tools. `huggingface`: safetensors, config, tokenizer; `gguf`: one file, not for classifiers (ModelRefused);
   * `adapter`: the adapters alone, in peft's format.
   */
  export: Method<{ projectId: ProjectId; studentId: StudentId; format: StudentFormat }, StudentFiles>
}
