// Knows: a student, the model being trained, as stored; and the words of its training.
import type { DatasetId, ProjectId, RecipeHash, StudentId } from './id.ts'
import type { Backend } from './model.ts'

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
}

/** Parameters of a shape with a tied head: embedding, and per layer attention, feed-forward and two norms. */
export function countParameters({ layers, width, heads, kvHeads, feedForward, vocabulary }: StudentShape): number {
  const kv = (width / heads) * kvHeads
  return vocabulary * width + layers * (2 * width * width + 2 * width * kv + 3 * width * feedForward + 2 * width) + width
}

export const STUDENT_PRESETS = ['nano', 'micro', 'small', 'medium'] as const
export type StudentPreset = (typeof STUDENT_PRESETS)[number]

/** How the student learns; the fields of the recipe's `train` step. */
export interface TrainSettings {
  readonly loss: 'teacher-text'
  readonly preset: StudentPreset
  /** Entries of the byte-level BPE vocabulary, special tokens included. */
  readonly vocabulary: number
  /** Tokens of a training row at most; longer completions are cut and counted. */
  readonly context: number
  readonly steps: number
  /** Rows of a step. */
  readonly batch: number
  readonly learningRate: number
  /** Share of the steps in which the rate rises, 0 to 0.5. */
  readonly warmUp: number
  readonly weightDecay: number
  /** Largest norm of the gradient; 0 does not clip. */
  readonly clip: number
  /** Steps between held-out losses, samples and checkpoints. */
  readonly evaluateEvery: number
  readonly rngSeed: number
}

export interface LossPoint {
  readonly step: number
  /** Cross-entropy in nats a token. */
  readonly train: number
  readonly heldOut?: number
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
}
