// Knows: a student (the model being trained) as stored, and its training settings.
import type { ChatFormat } from './chat-format.ts'
import type { DatasetId, ProjectId, RecipeHash, StudentId } from './id.ts'
import type { Backend } from './machine.ts'
import type { ModelRef } from './model-card.ts'
import type { ModelSource } from './model-source.ts'
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

/** Divergences from the teacher's soft targets. */
export const DIVERGENCE_NAMES = ['forward-kl', 'reverse-kl', 'jensen-shannon'] as const

/** Losses on preference pairs; each continues from a trained student. */
export const PREFERENCE_NAMES = ['dpo', 'simpo', 'orpo', 'kto'] as const

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

/** Cross-entropy on the teacher's texts, with the student's own vocabulary. */
export interface TextTrainSettings extends CommonTrainSettings {
  readonly loss: 'teacher-text'
  /** Entries of the byte-level BPE vocabulary, special tokens included. */
  readonly vocabulary: number
  /** Share of the target's probability that is spread evenly over all tokens, 0 to 0.5. */
  readonly labelSmoothing: number
}

/** A divergence from the teacher's soft targets, with the part of the teacher's vocabulary that the texts use. */
export interface DivergenceTrainSettings extends CommonTrainSettings {
  readonly loss: (typeof DIVERGENCE_NAMES)[number]
  /** Of both distributions, above 0. */
  readonly temperature: number
  /** Top-k teacher tokens stored for each token of a text. */
  readonly topK: number
  /** Share of plain cross-entropy on the text, 0 to 1. */
  readonly textShare: number
  /** Weight of the cosine loss between the hidden states of student and teacher, 0 to 10; absent in the oldest students, which is 0. */
  readonly hiddenShare?: number
}

/** A loss on preference pairs, which continues from a trained student: shape and context are that student's. */
export interface PreferenceTrainSettings extends CommonTrainSettings {
  readonly loss: Exclude<(typeof PREFERENCE_NAMES)[number], 'simpo'>
  /** Scale of the difference in log-probability, above 0. */
  readonly beta: number
}

/** SimPO, which has a target margin. */
export interface SimpoTrainSettings extends CommonTrainSettings {
  readonly loss: 'simpo'
  readonly beta: number
  /** A multiple of beta, 0 or more. */
  readonly margin: number
}

/** GRPO: continues from a trained student on its own completions, several for each prompt, rewarded if the final answer is right. */
export interface RewardTrainSettings extends CommonTrainSettings {
  readonly loss: 'grpo'
  /** Group size: completions of each prompt, whose rewards are compared with one another. */
  readonly completionsPerPrompt: number
  /** Max tokens of a completion. */
  readonly maxTokens: number
  /** Sampling temperature, above 0. */
  readonly temperature: number
  /** Weight of the divergence from the student it started from, 0 or more. */
  readonly beta: number
}

/** On-policy distillation (GKD): the student generates completions, and the loaded teacher computes soft targets for each of their tokens. */
export interface OnPolicyTrainSettings extends CommonTrainSettings {
  readonly loss: 'on-policy'
  readonly divergence: (typeof DIVERGENCE_NAMES)[number]
  /** Share of the steps on its own completions, 0 to 1; the others are on the dataset's texts with stored soft targets. */
  readonly lambda: number
  /** Share of all steps before the first one on its own completions, 0 to 0.9. */
  readonly textWarmUp: number
  /** Of both distributions, above 0. */
  readonly temperature: number
  /** Top-k teacher tokens for each token of a text or a completion; the rest counts as one. */
  readonly topK: number
  /** Max tokens of its own completion. */
  readonly maxTokens: number
  /** Temperature of its own completions, above 0. */
  readonly samplingTemperature: number
}

/** Which projections of each layer have adapters: those of attention (q, k, v, output), or all seven. */
export const ADAPTED_PROJECTIONS = ['attention', 'all'] as const

/**
 * LoRA: cross-entropy on the teacher's texts with low-rank adapters on an imported model, whose weights are frozen. Shape and
 * vocabulary are that model's.
 */
export interface LoraTrainSettings extends CommonTrainSettings {
  readonly loss: 'lora'
  /** Columns of each adapter's A matrix and rows of its B matrix. */
  readonly rank: number
  /** The adapters' output is multiplied by alpha / rank. */
  readonly alpha: number
  readonly projections: (typeof ADAPTED_PROJECTIONS)[number]
}

/** The imported model under adapters: where to find it after a reload, and which file it must be. */
export interface BaseModel {
  readonly source: Extract<ModelSource, { readonly kind: 'stored' | 'built-in' }>
  readonly model: ModelRef
  /** In place of its own chat template. */
  readonly chatFormat?: ChatFormat
}

/** A classifier: its classes are the distinct completions of the rows, and it has its own head instead of generating text. */
export interface ClassTrainSettings extends CommonTrainSettings {
  readonly loss: 'classes'
  /** Entries of the byte-level BPE vocabulary, special tokens included. */
  readonly vocabulary: number
  /** Share of the loss that is the divergence from the teacher's class probabilities, 0 to 1; 0 needs no teacher. */
  readonly softShare: number
  /** Of both distributions in that share, above 0. */
  readonly temperature: number
  /** Share of the label's probability that is spread evenly over all classes, 0 to 0.5, in the rest of the loss. */
  readonly labelSmoothing: number
}

/** The recipe's `train` step and its rngSeed. A union: each loss has its own fields. */
export type TrainSettings =
  | TextTrainSettings
  | DivergenceTrainSettings
  | PreferenceTrainSettings
  | SimpoTrainSettings
  | RewardTrainSettings
  | OnPolicyTrainSettings
  | LoraTrainSettings
  | ClassTrainSettings

export const learnsFromProbabilities = (settings: TrainSettings): settings is DivergenceTrainSettings =>
  DIVERGENCE_NAMES.some((name) => name === settings.loss)
/** True if the loss includes the teacher's hidden states. */
export const learnsFromHidden = (settings: Pick<DivergenceTrainSettings, 'hiddenShare'>): boolean =>
  (settings.hiddenShare ?? 0) > 0
export const learnsFromPairs = (
  settings: TrainSettings,
): settings is PreferenceTrainSettings | SimpoTrainSettings =>
  PREFERENCE_NAMES.some((name) => name === settings.loss)

/** True if each completion counts as good or bad by itself, so that no pairs are needed. */
export const learnsFromSides = (settings: Pick<TrainSettings, 'loss'>): boolean => settings.loss === 'kto'
export const learnsFromRewards = (settings: TrainSettings): settings is RewardTrainSettings =>
  settings.loss === 'grpo'
export const trainsAdapters = (settings: TrainSettings): settings is LoraTrainSettings =>
  settings.loss === 'lora'
export const learnsOnPolicy = (settings: TrainSettings): settings is OnPolicyTrainSettings =>
  settings.loss === 'on-policy'
export const learnsClasses = (settings: TrainSettings): settings is ClassTrainSettings =>
  settings.loss === 'classes'
/** True if the loss needs the loaded teacher's soft targets for the rows; teacher and student then share a vocabulary. */
export const needsTokenSoftTargets = (
  settings: TrainSettings,
): settings is DivergenceTrainSettings | OnPolicyTrainSettings =>
  learnsFromProbabilities(settings) || learnsOnPolicy(settings)
/** True if the teacher's soft targets, of tokens or of classes, are computed before training. */
export const needsSoftTargets = (settings: TrainSettings): boolean =>
  needsTokenSoftTargets(settings) || (learnsClasses(settings) && settings.softShare > 0)
/** True if training continues from a trained student. */
export const startsFromStudent = (settings: TrainSettings): boolean =>
  learnsFromPairs(settings) || learnsFromRewards(settings)

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
