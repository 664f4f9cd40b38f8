// Knows: the contract of the student worker: trains, resumes, writes and exports students. It reads the dataset itself.
import type { DatasetId, ProjectId, RecipeHash, StudentId } from '../domain/id.ts'
import type { MachineCheck } from '../domain/machine-check.ts'
import type { Backend, CompletionRequest } from '../domain/model.ts'
import type {
  AdaptedModel,
  LossPoint,
  StudentSample,
  StudentShape,
  TrainSettings,
} from '../domain/student.ts'
import type { StoredTrace } from '../domain/trace.ts'
import type { Method } from './contract.ts'
import type { GenerationEvent, GenerationSummary } from './teacher.ts'

export interface TrainRequest {
  readonly projectId: ProjectId
  readonly studentId: StudentId
  readonly datasetId: DatasetId
  readonly recipeHash: RecipeHash
  readonly settings: TrainSettings
  readonly backend: Backend
  /** The file of the teacher's probabilities, where the loss needs one. */
  readonly trace?: string
  /** In place of `trace`, where the student learns from several teachers: the file of each and its weight, above 0. */
  readonly teachers?: readonly { readonly trace: string; readonly weight: number }[]
  /** Where the teacher is asked about the student's own answers, where the loss does; to be transferred. */
  readonly lent?: MessagePort
  /** The student that the training goes on from, where the loss needs one. */
  readonly base?: StudentId
  /** The imported model that adapters are trained on, where the loss has some. */
  readonly adapts?: AdaptedModel
}

export type TrainEvent =
  | {
      readonly kind: 'phase'
      readonly phase: 'tokenizer' | 'loading' | 'packing' | 'building' | 'training' | 'resuming'
      readonly sentence: string
    }
  /** Known once the tokenizer is trained and the rows are packed. */
  | {
      readonly kind: 'shape'
      readonly shape: StudentShape
      readonly parameters: number
      readonly trained?: number
      readonly cutRows: number
      readonly leftOutRows: number
      readonly classes?: readonly string[]
      readonly remarks?: readonly string[]
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
  | { readonly kind: 'samples'; readonly samples: readonly StudentSample[] }
  /** Weights, optimizer, data cursor and random state are on disk. */
  | { readonly kind: 'checkpoint'; readonly step: number }

export interface TrainOutcome {
  /** `finished` reached the last step; `stopped` was aborted after a checkpoint. */
  readonly ending: 'finished' | 'stopped'
  readonly step: number
  /** Where training may end early: the step with the lowest held-out loss, whose weights are the student. */
  readonly bestStep?: number
}

/** How a student is taken home; `adapter` is for one with adapters, whose other forms have them merged in. */
export type StudentFormat = 'huggingface' | 'gguf' | 'adapter'

export interface StudentFiles {
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[]
}

/** One claim of the self-check, tried. */
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
  /** Proves the training on this machine: each claim is an event. Throws `NoWebGpu` and its like where the backend does not open. */
  check: Method<{ backend: Backend }, SelfCheckSummary, SelfCheckEvent>
  /** Trains from the last checkpoint if there is one, else from the start. Abort writes a checkpoint, then ends. */
  train: Method<TrainRequest, TrainOutcome, TrainEvent>
  /** Teachers' probabilities that are stored along a dataset, the newest first. */
  listTraces: Method<{ projectId: ProjectId; datasetId: DatasetId }, readonly StoredTrace[]>
  /** Completions by a stored student: `before` is its first weights, `after` its last checkpoint. */
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
  /** Files that other tools open. `huggingface`: safetensors, config, tokenizer; `gguf`: one file, which a student of classes has not (ModelRefused); `adapter`: adapters alone, as peft has them. */
  export: Method<{ projectId: ProjectId; studentId: StudentId; format: StudentFormat }, StudentFiles>
}
