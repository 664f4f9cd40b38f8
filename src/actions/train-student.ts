// Knows: how a student is trained: its record, its lock, its points as they come.
// Must not know: how a step of training works.
import type { DatasetId, ProjectId, StudentId } from '../domain/id.ts'
import type { Backend } from '../domain/model.ts'
import type { LossPoint, Student, StudentSample, StudentShape, TrainSettings } from '../domain/student.ts'
import type { RunControl } from './control.ts'
import type { Machines } from './machines.ts'

/** Live only; never stored. */
export interface TrainProgress {
  readonly studentId: StudentId
  readonly phase: 'tokenizer' | 'packing' | 'building' | 'resuming' | 'training' | 'paused'
  /** In words, for the status line. */
  readonly sentence: string
  /** Steps done and to do. */
  readonly step: number
  readonly steps: number
  /** The whole curve so far; the same array until a point is added. */
  readonly points: readonly LossPoint[]
  readonly samples: readonly StudentSample[]
  readonly tokensPerSecond: number
  readonly learningRate: number
  readonly gradientNorm: number
  /** Milliseconds for the rest; undefined until it can be told. */
  readonly msLeft?: number
  /** Step of the last checkpoint: what a reload goes back to. */
  readonly checkpointStep: number
  /** Known once the rows are packed. */
  readonly shape?: StudentShape
  readonly parameters?: number
  readonly cutRows: number
  readonly leftOutRows: number
}

export interface TrainStudent {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  readonly settings: TrainSettings
  readonly backend: Backend
}
export type TrainMachines = Pick<Machines, 'db' | 'student' | 'now'>

/**
 * Stores a new student and trains it. Pause writes a checkpoint and waits; stop writes one and ends. A worker that dies is
 * gone on with from the last checkpoint once, by itself; the second time the student is stored as `failed` and the error is
 * thrown. Throws `Busy` where another tab trains in this project.
 */
export async function* trainStudent(_machines: TrainMachines, _request: TrainStudent, _control: RunControl): AsyncGenerator<TrainProgress, Student> {
  throw new Error('being written')
}

/** Goes on from the last checkpoint. Otherwise like `trainStudent`. */
export async function* resumeStudent(_machines: TrainMachines, _request: { projectId: ProjectId; studentId: StudentId }, _control: RunControl): AsyncGenerator<TrainProgress, Student> {
  throw new Error('being written')
}
