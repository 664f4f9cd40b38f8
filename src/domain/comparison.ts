// Knows: a comparison of the student before training, the student after it and the teacher on held-out prompts, as stored.
import type { ChatMessage } from './completion-request.ts'
import type { ComparisonId, DatasetId, ProjectId, RowId, StudentId } from './id.ts'
import type { ModelRef } from './model-card.ts'
import type { PairVerdict, Verdict } from './verdict.ts'

/** Default number of held-out prompts. */
export const COMPARED_PROMPTS = 20

export const CONTENDERS = ['before', 'after', 'teacher'] as const
export type Contender = (typeof CONTENDERS)[number]

export interface ComparedPrompt {
  readonly rowId: RowId
  readonly prompt: string
  /** The messages before the prompt, if there are any. */
  readonly earlier?: readonly ChatMessage[]
  readonly texts: Readonly<Record<Contender, string>>
  readonly verdicts: Readonly<Record<Contender, Verdict>>
  /** `after` (first) against `before`, and `after` (first) against `teacher`. */
  readonly afterBefore: PairVerdict
  readonly afterTeacher: PairVerdict
}

/** A mean with a 95 % bootstrap interval. */
export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly n: number
}

export interface Comparison {
  readonly projectId: ProjectId
  readonly id: ComparisonId
  readonly studentId: StudentId
  readonly datasetId: DatasetId
  readonly judge: ModelRef
  /** The teacher, if it is not the judge. */
  readonly teacher?: ModelRef
  readonly comparedAt: number
  readonly prompts: readonly ComparedPrompt[]
  /** Held-out rows left out because a student that this one started from was trained on them. */
  readonly excluded?: number
}
