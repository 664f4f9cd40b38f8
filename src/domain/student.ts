// Knows: a student (the model being trained) as stored, and its training settings.
import type { ChatFormat } from './chat-format.ts'
import type { DatasetId, ProjectId, RecipeHash, StudentId } from './id.ts'
import type { Backend } from './machine.ts'
import type { ModelRef } from './model-card.ts'
import type { ModelSource } from './model-source.ts'
import type { SettingValue } from './settings.ts'
import type { TeacherShare } from './soft-targets.ts'

/** Shape of a Llama-like decoder. */
export interface StudentShape {
  readonly layers: number
  /** Width of the residual stream; a multiple of `heads`, and width / heads is even. */
  readonly width: number
  readonly heads: number
  /** Key-value heads; divides `heads`. */
  readonly kvHeads: number
  /** Width of the feed-forward layer. */
  readonly feedForward: number
  readonly vocabulary: number
  /** Context length in tokens. */
  readonly context: number
  /** Number of classes, if it is a classifier. */
  readonly classes?: number
}

/**
 * Parameters of a shape with a tied head: embedding, final norm, and per layer attention, feed-forward and two norms; and a
 * classifier's head if it has one.
 */
export function countParameters({
  layers,
  width,
  heads,
  kvHeads,
  feedForward,
  vocabulary,
  classes = 0,
}: StudentShape): number {
  const kv = (width / heads) * kvHeads
  return (
    (vocabulary + classes) * width +
    layers * (2 * width * width + 2 * width * kv + 3 * width * feedForward + 2 * width) +
    width
  )
}

export const STUDENT_PRESETS = ['nano', 'micro', 'small', 'fair', 'medium', 'large', 'huge'] as const
export type StudentPreset = (typeof STUDENT_PRESETS)[number]

export const OPTIMIZER_NAMES = ['adam-w', 'muon'] as const
/** How the learning rate decays after warm-up. */
export const SCHEDULE_NAMES = ['cosine', 'linear', 'constant', 'warm-stable-decay'] as const
/** Which rows come first. */
export const CURRICULA = ['none', 'short-first'] as const

/** Settings that every loss has. */
export interface CommonTrainSettings {
  readonly preset: StudentPreset
  /** Max tokens of a training row; longer completions are truncated and counted. */
  readonly context: number
  readonly steps: number
  /** Rows of an optimizer step. */
  readonly batchSize: number
  /** Micro-batches of a step, to save memory. */
  readonly gradientAccumulation: number
  /** Packs several rows into one sequence, with attention masked between them. */
  readonly packing: boolean
  readonly curriculum: (typeof CURRICULA)[number]
  readonly optimizer: (typeof OPTIMIZER_NAMES)[number]
  readonly learningRate: number
  readonly schedule: (typeof SCHEDULE_NAMES)[number]
  /** Share of the steps in which the learning rate rises, 0 to 0.5. */
  readonly warmUp: number
  readonly weightDecay: number
  /** Larger gradients are clipped to this norm; 0 does not clip. */
  readonly maxGradientNorm: number
  /** Dropout probability on what each layer adds to the residual stream, 0 to 0.5. */
  readonly dropout: number
  /** Decay of the exponential moving average of the weights; 0 keeps none. */
  readonly emaDecay: number
  /** Evaluations without a better held-out loss after which training stops, with the best weights; 0 trains to the last step. */
  readonly patience: number
  /** Steps between evaluations: held-out loss, samples and a checkpoint. */
  readonly evaluateEvery: number
  readonly rngSeed: number
}

/** The imported model under adapters: where to find it after a reload, and which file it must be. */
export interface BaseModel {
  readonly source: Extract<ModelSource, { readonly kind: 'stored' | 'built-in' }>
  readonly model: ModelRef
  /** In place of its own chat template. */
  readonly chatFormat?: ChatFormat
}

/**
 * The recipe's `train` step and its rngSeed: the settings that every loss has, and those of its own, which only its declaration knows
 * (pipeline/training/losses).
 */
export type TrainSettings = CommonTrainSettings & {
  /** The name of the loss. */
  readonly loss: string
  readonly [own: string]: SettingValue
}

export interface LossPoint {
  readonly step: number
  /** Cross-entropy in nats per token; the loss of pairs; or, for GRPO, the share of wrong answers. */
  readonly train: number
  readonly heldOut?: number
  /** Share of wrong answers on the held-out rows, if answers are right or wrong. */
  readonly errorRate?: number
  /** Number of held-out rows that a share of wrong answers is a share of. */
  readonly evaluated?: number
}

export interface StudentSample {
  readonly step: number
  readonly prompt: string
  readonly text: string
  /** The right answer, if answers are right or wrong. */
  readonly expected?: string
}

export type StudentStatus = 'training' | 'paused' | 'stopped' | 'trained' | 'failed'

export interface Student {
  readonly projectId: ProjectId
  readonly id: StudentId
  readonly datasetId: DatasetId
  readonly recipeHash: RecipeHash
  readonly settings: TrainSettings
  readonly shape: StudentShape
  readonly parameters: number
  readonly backend: Backend
  /** The file of the teacher's soft targets, if its loss needs one. */
  readonly softTargets?: string
  /** The teacher of these soft targets, if it computes more of them during training. */
  readonly teacher?: ModelRef
  /**
   * The teachers it learns from, if its loss needs any; with several, they name the files and `softTargets` is absent. The oldest
   * students have `softTargets` alone.
   */
  readonly teachers?: readonly TeacherShare[]
  /** The student that training continued from, if its loss needs one. */
  readonly base?: StudentId
  /** The imported model under its adapters, if it has any. */
  readonly baseModel?: BaseModel
  /** Parameters that training changes, if not all. */
  readonly trainedParameters?: number
  readonly status: StudentStatus
  readonly reason?: string
  readonly startedAt: number
  readonly endedAt?: number
  /** Step of the last checkpoint. */
  readonly checkpointStep: number
  /**
   * Step of the best weights on held-out rows, which are the student's. Absent without held-out rows, before the first evaluation,
   * and for students of version 0.1 without early stopping: their last weights are the only ones.
   */
  readonly bestStep?: number
  readonly points: readonly LossPoint[]
  readonly samples: readonly StudentSample[]
  /** Held-out rows that it got wrong at the last evaluation, the first ones, if answers are right or wrong. */
  readonly mistakes?: readonly StudentSample[]
  /** Rows whose completion was truncated, and rows skipped because none of the completion fits. */
  readonly truncatedRows: number
  readonly skippedRows: number
  /** A classifier's classes, in the order of their indices. */
  readonly classes?: readonly string[]
  /** Sentences about the rows, from before the first step. */
  readonly notes?: readonly string[]
}
