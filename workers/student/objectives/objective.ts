// Knows: what the training loop needs of an objective: rows to order, the batches of a step, an evaluation; and how one is prepared.
// Must not know: texts, pairs, rewards (the other files here).
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import type { CommonTrainSettings, TrainSettings } from '../../../src/domain/student.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import type { Objective as TrainerObjective } from '../../../src/engine/training/objectives/index.ts'
import type { Batch, PackedRow } from '../../../src/engine/training/packing.ts'
import type { Flat } from '../../../src/engine/training/parameters.ts'
import type { Trainer } from '../../../src/engine/training/trainer.ts'
import type { References } from '../../../src/pipeline/filters/references.ts'
import type { TrainingPlan } from '../../../src/pipeline/training/index.ts'
import type { Sides } from '../../../src/pipeline/training/sides.ts'
import type { BorrowedTeacher } from '../borrowed-teacher.ts'
import type { StudentInTraining } from '../generate-completions.ts'
import type { StepsLeft } from '../pace.ts'
import type { PreparedRows, RowWithTeachers } from '../prepare-rows.ts'
import type { Rendering } from '../rendering.ts'

/** What rows are prepared from. */
export interface PrepareInput {
  readonly split: { readonly train: readonly RowWithTeachers[]; readonly heldOut: readonly DatasetRow[] }
  readonly tokenizer: TextTokenizer
  readonly settings: TrainSettings
  readonly plan: TrainingPlan
  readonly signal: AbortSignal
  readonly rendering: Rendering
  /** Reads the good and the bad rows. */
  readonly readSides: () => Promise<Sides>
  /** Reads the answers given with seeds, by prompt. */
  readonly readAnswers: () => Promise<References>
}

/** The rows in the form that a kind of learning needs, and the objective on them. */
export interface Prepared {
  readonly rows: PreparedRows
  /** Names of the classes in the order of their numbers, if the student is a classifier. */
  readonly classes?: readonly string[]
  /** Rows of a batch per line of the batch plan. */
  readonly rowsPerLine: number
  /** Rows may be as long as the context, however long those of the dataset are. */
  readonly fillsContext: boolean
  readonly open: (options: OpenOptions) => Objective
}

/** Throws ModelRefused if the loss can use too few of the rows. */
export type Prepare = (input: PrepareInput) => Promise<Prepared>

export interface BatchPlan {
  readonly settings: CommonTrainSettings
  /** Batch size in lines: at most the number of rows. */
  readonly linesPerStep: number
  /** Padded lengths of batches. */
  readonly lengths: readonly number[]
  /** Weights of the teachers, if rows have several. */
  readonly teacherWeights?: readonly number[]
}

export interface OpenOptions extends BatchPlan {
  /** What the trainer minimises. */
  readonly objective: TrainerObjective
  /** For an objective that generates with the student. */
  readonly student: StudentInTraining
  /** The student before this training, if the loss compares with it at every step. */
  readonly reference?: Pick<Trainer, 'logProbs'>
  /** The teacher, if the loss calls it during training. */
  readonly teacher?: BorrowedTeacher
}

/** What one step learns from. */
export interface ObjectiveStep {
  /** The micro-batches of the step, which share one mean. */
  readonly batches: readonly Batch[]
  /** Number of trained positions, for the pace. */
  readonly positions: number
  /** KTO's estimate of the divergence. */
  readonly drift?: number
  /** Shown instead of the step's loss. */
  readonly displayedLoss?: number
  /** A sentence for the person. */
  readonly note?: string
}

/** The lines of one step, as the order planned them. */
export interface PlannedLines {
  readonly lines: readonly (readonly PackedRow[])[]
  /** Padded length of every line. */
  readonly length: number
  /** Number of the next step, from 1. */
  readonly step: number
  /** A step that is aborted before its weights change does not count: it is repeated exactly. */
  readonly signal: AbortSignal
}

/** Kinds of steps that take different times. */
export interface StepKinds {
  /** The kind of a step, from 1. */
  readonly kindOf: (step: number) => string
  /** Expected number of steps of each kind after the step `done`. */
  readonly remaining: (done: number) => StepsLeft
  /** Runs the extra work of one kind once, before the first step, to measure its time and check that it works. Returns that kind. */
  readonly dryRun: (trainer: Trainer, signal: AbortSignal) => Promise<string>
}

/** A held-out row with a wrong answer. */
export interface Mistake {
  readonly prompt: string
  readonly text: string
  readonly expected: string
}
export interface FirstSample {
  /** Shown as the loss of step 0. */
  readonly displayedLoss: number
  readonly note: string
  /** Training would learn nothing: `note` says why, and it ends before its first step. */
  readonly learnsNothing: boolean
}

export interface Objective {
  /** The rows that are ordered and split into steps. */
  readonly train: readonly PackedRow[]
  readonly heldOut: readonly PackedRow[]
  readonly truncatedRows: number
  readonly skippedRows: number
  /** What the rows are called in a sentence: `rows`, `pairs`. */
  readonly rowNoun: string
  /** Absent if all steps are alike. */
  readonly stepKinds?: StepKinds
  /** Computes the log-probabilities of the reference, which is the student before this training; absent if the loss has no reference. */
  readonly computeReference?: (trainer: Trainer, signal: AbortSignal) => Promise<void>
  makeStep(trainer: Trainer, planned: PlannedLines): Promise<ObjectiveStep>
  /** The held-out loss, or what is shown instead; NaN without held-out rows. May end early when aborted. */
  evaluate(trainer: Trainer, signal: AbortSignal): Promise<number>
  /** Share of wrong held-out predictions at the last evaluation, if predictions are right or wrong and `evaluate` returns something else. */
  readonly errorRate?: () => number | undefined
  /** Number of held-out rows of which the last evaluation returned a share of wrong answers; absent if it returns no share. */
  readonly evaluated?: () => number | undefined
  /** Held-out rows that the last evaluation found wrong, the first ones, with the right answer. */
  readonly mistakes?: () => readonly Mistake[]
  /** Before the first step: a sentence about a sample of the student's completions. */
  readonly sampleFirst?: (trainer: Trainer, signal: AbortSignal) => Promise<FirstSample>
  /** Samples from these weights, if the student does not generate text. An abort leaves the rest empty. */
  readonly generateSamples?: (
    weights: Flat,
    prompts: readonly (readonly number[])[],
    signal: AbortSignal,
  ) => Promise<string[]>
  /** Releases what the objective has opened. */
  readonly release?: () => Promise<unknown>
}

/** Splits a step's lines into micro-batches of at most `size`. */
export const splitIntoMicroBatches = <T>(lines: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(lines.length / size) }, (_, i) => lines.slice(i * size, (i + 1) * size))
