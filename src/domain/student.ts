// Knows: a student, the model being trained, as stored; and the words of its training.
import type { DatasetId, ProjectId, RecipeHash, StudentId } from './id.ts'
import type { Backend, ModelRef, ModelSource } from './model.ts'
import type { TeacherShare } from './trace.ts'

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
  /** Tokens it can attend to. */
  readonly context: number
  /** Classes that it tells apart, where it answers with one of a few instead of writing. */
  readonly classes?: number
}

/** Parameters of a shape with a tied head: embedding, and per layer attention, feed-forward and two norms; and a head of classes where it has some. */
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

/** How the weights are changed. */
export const OPTIMIZER_NAMES = ['adam-w', 'muon'] as const
/** How the learning rate falls after its rise. */
export const SCHEDULE_NAMES = ['cosine', 'linear', 'constant', 'warm-stable-decay'] as const
/** Which rows come first. */
export const CURRICULA = ['none', 'short-first'] as const

/** Losses against the teacher's probabilities; each is a distillation loss of its own. */
export const DIVERGENCE_NAMES = ['forward-kl', 'reverse-kl', 'jensen-shannon'] as const

/** Losses on pairs of answers; each goes on from a student that was trained before. */
export const PREFERENCE_NAMES = ['dpo', 'simpo', 'orpo', 'kto'] as const

/** What every training has, whatever its loss. */
export interface CommonTrainSettings {
  readonly preset: StudentPreset
  /** Tokens of a training row at most; longer completions are cut and counted. */
  readonly context: number
  readonly steps: number
  /** Rows of a step. */
  readonly batch: number
  /** Parts in which the rows of a step are taken, for less memory. */
  readonly accumulate: number
  /** Several rows in one line of the context, kept apart. */
  readonly packing: boolean
  readonly curriculum: (typeof CURRICULA)[number]
  readonly optimizer: (typeof OPTIMIZER_NAMES)[number]
  readonly learningRate: number
  readonly schedule: (typeof SCHEDULE_NAMES)[number]
  /** Share of the steps in which the rate rises, 0 to 0.5. */
  readonly warmUp: number
  readonly weightDecay: number
  /** Largest norm of the gradient; 0 does not clip. */
  readonly clip: number
  /** Share of what each layer adds that is dropped in training, 0 to 0.5. */
  readonly dropout: number
  /** Decay of the running average of the weights; 0 keeps none. */
  readonly averaging: number
  /** Looks without a better held-out loss after which training ends, with the best weights; 0 goes on to the last step. */
  readonly patience: number
  /** Steps between held-out losses, samples and checkpoints. */
  readonly evaluateEvery: number
  readonly rngSeed: number
}

/** Cross-entropy on the teacher's texts, with a vocabulary of the student's own. */
export interface TextTrainSettings extends CommonTrainSettings {
  readonly loss: 'teacher-text'
  /** Entries of the byte-level BPE vocabulary, special tokens included. */
  readonly vocabulary: number
  /** Share of the target's probability that all tokens get alike, 0 to 0.5. */
  readonly labelSmoothing: number
}

/** A divergence from the teacher's probabilities, with the part of the teacher's vocabulary that the texts use. */
export interface DivergenceTrainSettings extends CommonTrainSettings {
  readonly loss: (typeof DIVERGENCE_NAMES)[number]
  /** Of both distributions, above 0. */
  readonly temperature: number
  /** The teacher's likeliest tokens that are stored for each token of a text. */
  readonly choices: number
  /** Share of plain cross-entropy on the text, 0 to 1. */
  readonly textShare: number
  /** Weight of the cosine between the hidden states of student and teacher, 0 to 10; absent, as in students of before, is 0. */
  readonly hiddenShare?: number
}

/** A preference of one answer over another, for a student that was trained before: size and context are that student's. */
export interface PreferenceTrainSettings extends CommonTrainSettings {
  readonly loss: Exclude<(typeof PREFERENCE_NAMES)[number], 'simpo'>
  /** How strongly a difference counts, above 0. */
  readonly beta: number
}

/** SimPO, which has a margin to be ahead by. */
export interface SimpoTrainSettings extends CommonTrainSettings {
  readonly loss: 'simpo'
  readonly beta: number
  /** A multiple of beta, at least 0. */
  readonly margin: number
}

/** GRPO: a student that was trained before goes on with its own answers, several to a prompt, rewarded where the final answer is right. */
export interface RewardTrainSettings extends CommonTrainSettings {
  readonly loss: 'grpo'
  /** Answers of each prompt, which are compared with one another. */
  readonly answers: number
  /** Tokens of an answer at most. */
  readonly answerTokens: number
  /** At which it answers, above 0. */
  readonly temperature: number
  /** Weight of the divergence from the student before, at least 0. */
  readonly beta: number
}

/** On-policy distillation (GKD): the student writes, and the loaded teacher says of each token what else it might have written there. */
export interface OnPolicyTrainSettings extends CommonTrainSettings {
  readonly loss: 'on-policy'
  readonly divergence: (typeof DIVERGENCE_NAMES)[number]
  /** Share of the steps on its own answers, 0 to 1; the others are on the dataset's texts with the teacher's stored probabilities. */
  readonly lambda: number
  /** Share of all steps before the first on its own answers, 0 to 0.9. */
  readonly ownFrom: number
  /** Of both distributions, above 0. */
  readonly temperature: number
  /** The teacher's likeliest tokens that count by themselves for each token of a text or an answer. */
  readonly choices: number
  /** Tokens of an own answer at most. */
  readonly answerTokens: number
  /** At which it answers, above 0. */
  readonly answerTemperature: number
}

/** Which projections of each layer adapters lie on: those of attention (q, k, v, output), or all seven. */
export const ADAPTED_PROJECTIONS = ['attention', 'all'] as const

/** LoRA: cross-entropy on the teacher's texts, by low-rank adapters on an imported model that stays as it is. Size and vocabulary are that model's. */
export interface LoraTrainSettings extends CommonTrainSettings {
  readonly loss: 'lora'
  /** Columns of each adapter's first matrix and rows of its second. */
  readonly rank: number
  /** What the adapters add is multiplied by alpha / rank. */
  readonly alpha: number
  readonly projections: (typeof ADAPTED_PROJECTIONS)[number]
}

/** An imported model that adapters lie on: where it is found again after a reload, and which file it must be. */
export interface AdaptedModel {
  readonly source: Extract<ModelSource, { readonly kind: 'stored' | 'box' }>
  readonly model: ModelRef
}

/** A student that answers with one of a few classes, the different completions of its rows: a head of its own instead of writing. */
export interface ClassTrainSettings extends CommonTrainSettings {
  readonly loss: 'classes'
  /** Entries of the byte-level BPE vocabulary, special tokens included. */
  readonly vocabulary: number
  /** Share of the loss that is the divergence from the teacher's probabilities of the classes, 0 to 1; 0 needs no teacher. */
  readonly softShare: number
  /** Of both distributions in that share, above 0. */
  readonly temperature: number
  /** Share of the label's probability that all classes get alike, 0 to 0.5, in the rest of the loss. */
  readonly labelSmoothing: number
}

/** How the student learns: the recipe's `train` step and its rngSeed. A union: each loss has fields of its own. */
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
/** Whether the teacher's hidden states are learned from too. */
export const learnsFromHidden = (settings: Pick<DivergenceTrainSettings, 'hiddenShare'>): boolean =>
  (settings.hiddenShare ?? 0) > 0
export const learnsFromPairs = (
  settings: TrainSettings,
): settings is PreferenceTrainSettings | SimpoTrainSettings =>
  PREFERENCE_NAMES.some((name) => name === settings.loss)

export const learnsFromRewards = (settings: TrainSettings): settings is RewardTrainSettings =>
  settings.loss === 'grpo'
export const learnsAdapters = (settings: TrainSettings): settings is LoraTrainSettings =>
  settings.loss === 'lora'
export const learnsOnPolicy = (settings: TrainSettings): settings is OnPolicyTrainSettings =>
  settings.loss === 'on-policy'
export const learnsClasses = (settings: TrainSettings): settings is ClassTrainSettings =>
  settings.loss === 'classes'
/** Whether the loaded teacher is asked for its probabilities along the rows, and shares its tokens with the student. */
export const asksTeacher = (
  settings: TrainSettings,
): settings is DivergenceTrainSettings | OnPolicyTrainSettings =>
  learnsFromProbabilities(settings) || learnsOnPolicy(settings)
/** Whether the teacher is asked for its probabilities before training, of tokens or of classes. */
export const needsTeacher = (settings: TrainSettings): boolean =>
  asksTeacher(settings) || (learnsClasses(settings) && settings.softShare > 0)
/** Whether training goes on from a student that was trained before. */
export const goesOn = (settings: TrainSettings): boolean =>
  learnsFromPairs(settings) || learnsFromRewards(settings)

export interface LossPoint {
  readonly step: number
  /** Cross-entropy in nats a token; the loss of pairs; or the share of wrong answers where the student learns from its own. */
  readonly train: number
  readonly heldOut?: number
  /** Share of the held-out rows that it answers wrongly, where an answer is right or wrong. */
  readonly wrong?: number
}

export interface StudentSample {
  readonly step: number
  readonly prompt: string
  readonly text: string
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
  /** The file of the teacher's probabilities that it learns from, where its loss needs one. */
  readonly trace?: string
  /** Whose probabilities these are, where it is asked during the training too. */
  readonly teacher?: ModelRef
  /** The teachers whose probabilities it learns from, where its loss needs some; with several, they name the files and `trace` does not. Students of before have `trace` alone. */
  readonly teachers?: readonly TeacherShare[]
  /** The student it went on from, where its loss needs one. */
  readonly base?: StudentId
  /** The imported model that its adapters lie on, where it is one with adapters. */
  readonly adapts?: AdaptedModel
  /** Parameters that training changes, where not all of them are. */
  readonly trained?: number
  readonly status: StudentStatus
  readonly why?: string
  readonly startedAt: number
  readonly endedAt?: number
  /** Step of the last checkpoint. */
  readonly checkpointStep: number
  readonly points: readonly LossPoint[]
  readonly samples: readonly StudentSample[]
  /** Rows whose completion was cut, and rows left out because nothing of the completion fitted. */
  readonly cutRows: number
  readonly leftOutRows: number
  /** What it answers with, where that is one of a few classes, in the order of their numbers. */
  readonly classes?: readonly string[]
  /** What was found of the rows before the first step, in sentences. */
  readonly remarks?: readonly string[]
}
