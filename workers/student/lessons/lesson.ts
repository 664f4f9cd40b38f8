// Knows: what a training asks of that which the student learns from: rows in an order, the batches of a step, a measure.
// Must not know: texts, pairs, rewards (the other files here).
import type { Batch, PackedRow } from '../../../src/engine/training/packing.ts'
import type { Flat } from '../../../src/engine/training/parameters.ts'
import type { Trainer } from '../../../src/engine/training/trainer.ts'
import type { StepsLeft } from '../pace.ts'

/** What one step learns from. */
export interface LessonStep {
  /** The parts of the step, which together have one mean. */
  readonly batches: readonly Batch[]
  /** Positions worked on, for the pace. */
  readonly positions: number
  /** What KTO asks for under that name. */
  readonly drift?: number
  /** What is shown of the step in place of its loss. */
  readonly shown?: number
  /** A sentence for the person, where there is something to say. */
  readonly note?: string
}

/** Rows as the order and the batches see them. */
export interface PlannedLines {
  readonly lines: readonly (readonly PackedRow[])[]
  /** Positions that every line fits. */
  readonly length: number
  /** The step to come, from 1. */
  readonly step: number
  /** A step that is aborted before its weights change is none: it is taken again, exactly so. */
  readonly signal: AbortSignal
}

/** Steps of several kinds, which take different times. */
export interface StepKinds {
  /** The kind of a step, from 1. */
  readonly of: (step: number) => string
  /** Steps of each kind that are to be expected after the step `done`. */
  readonly left: (done: number) => StepsLeft
  /** Does once what one kind does more than the others, before the first step: so it is known how long that takes, and whether it works. */
  readonly rehearse: (trainer: Trainer, signal: AbortSignal) => Promise<string>
}

export interface Lesson {
  /** What is ordered, by length, and cut into steps. */
  readonly train: readonly PackedRow[]
  readonly heldOut: readonly PackedRow[]
  readonly cutRows: number
  readonly leftOutRows: number
  /** What the rows are called in a sentence: `rows`, `pairs`. */
  readonly called: string
  /** Absent where all steps are alike. */
  readonly kinds?: StepKinds
  /** Asks the student before this training what has to be known of it; absent where nothing has. */
  readonly refer?: (trainer: Trainer, signal: AbortSignal) => Promise<void>
  makeStep(trainer: Trainer, planned: PlannedLines): Promise<LessonStep>
  /** The held-out loss, or what is shown in its place; NaN where nothing is held out. May end early when aborted. */
  measure(trainer: Trainer, signal: AbortSignal): Promise<number>
  /** Share of the held-out rows answered wrongly at the last measure, where answers are right or wrong and it is not what is measured. */
  readonly wrong?: () => number | undefined
  /** What a student of these weights answers to prompts, where it does not write. An abort leaves the rest empty. */
  readonly writeSamples?: (
    weights: Flat,
    prompts: readonly (readonly number[])[],
    signal: AbortSignal,
  ) => Promise<string[]>
  /** Lets go what the lesson has opened. */
  readonly release?: () => Promise<unknown>
}

/** A step's lines in as many parts as were asked for, fewer where there are fewer lines. */
export const cutIntoParts = <T>(lines: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(lines.length / size) }, (_, i) => lines.slice(i * size, (i + 1) * size))
