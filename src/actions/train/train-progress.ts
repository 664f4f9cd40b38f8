// Knows: the progress of a training, as its generator yields it.
import type { StudentId } from '../../domain/id.ts'
import type { LossPoint, StudentSample, StudentShape } from '../../domain/student.ts'

/** Live only; never stored. */
export interface TrainProgress {
  readonly studentId: StudentId
  readonly loss: string
  readonly phase:
    | 'soft-targets'
    | 'tokenizer'
    | 'loading'
    | 'packing'
    | 'building'
    | 'resuming'
    | 'training'
    | 'paused'
  /** For the status line. */
  readonly sentence: string
  /** Steps done and to do. */
  readonly step: number
  readonly steps: number
  /** The whole curve so far; the same array until a point is added. */
  readonly points: readonly LossPoint[]
  readonly samples: readonly StudentSample[]
  /** Held-out rows that it got wrong at the last evaluation. */
  readonly mistakes?: readonly StudentSample[]
  readonly tokensPerSecond: number
  readonly learningRate: number
  readonly gradientNorm: number
  /** Milliseconds for the rest; undefined until it can be estimated. */
  readonly msLeft?: number
  /** Step of the last checkpoint: where training resumes after a reload. */
  readonly checkpointStep: number
  /** Step of the best weights on held-out rows so far. */
  readonly bestStep?: number
  /** Known once the rows are packed. */
  readonly shape?: StudentShape
  readonly parameters?: number
  readonly truncatedRows: number
  readonly skippedRows: number
  /** What happened to the training without a request from the person: a sentence. */
  readonly note?: string
  /** Sentences about the rows, from the worker. */
  readonly notes?: readonly string[]
}
