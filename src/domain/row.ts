// Knows: a row: one completion of one prompt with all decisions and verdicts on it, its whole history in one record.
import { contentId, type ProjectId, type PromptId, type RowId, type RunId, type SeedId } from './id.ts'
import type { Json } from './hash.ts'
import type { StepDecision } from './filter-decision.ts'
import type { Fields } from './fields.ts'
import type { ChatMessage, FinishReason } from './completion-request.ts'
import type { ModelRef } from './model-card.ts'
import type { Sampling } from './sampling.ts'
import { meanScore, type StepVerdict } from './verdict.ts'

/** A teacher's response to a prompt. Never changed after it is generated. */
export interface Completion {
  readonly text: string
  readonly finishReason: FinishReason
  /** What a reasoning model wrote before its response; never part of `text`. */
  readonly reasoning?: string
  /** Tokens of the completion. */
  readonly tokens: number
  readonly teacher: ModelRef
  readonly system: string
  readonly sampling: Sampling
  /** Milliseconds since 1970. */
  readonly writtenAt: number
}

/** What a person edited; kept with the original. */
export interface HandEdit {
  readonly prompt: string
  readonly completion: string
  readonly editedAt: number
  /** Verdicts on the edited texts, if they were judged again. */
  readonly verdicts?: readonly StepVerdict[]
}

/**
 * `pending`: generated and not through all steps; `dropped` by the step in `droppedBy`; `kept` by the recipe;
 * `rejected` by hand (undoing that restores the earlier status).
 */
export type RowStatus = 'pending' | 'dropped' | 'kept' | 'rejected'

export interface Row {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly id: RowId
  readonly promptId: PromptId
  readonly seedId: SeedId
  /** Copy of the prompt's text, so that a row can be read alone. */
  readonly prompt: string
  /** Copy of the messages before the prompt's text, if there are any. */
  readonly earlier?: readonly ChatMessage[]
  /** Which of the n completions of its prompt, from 0. */
  readonly variant: number
  /** Order within the run, from 0. */
  readonly order: number
  /** Index of the step that wrote it; absent: the recipe's first complete step. */
  readonly step?: number
  /** The row that it revises. */
  readonly parent?: RowId
  readonly completion: Completion
  /** Named values that steps added. */
  readonly fields?: Fields
  readonly decisions: readonly StepDecision[]
  /** What the judges said, in the order of the steps. */
  readonly verdicts?: readonly StepVerdict[]
  /** Name of the step that dropped it, such as `length` or `threshold`. */
  readonly droppedBy?: string
  readonly edit?: HandEdit
  readonly rejectedByHand?: { readonly at: number; readonly before: RowStatus }
  readonly status: RowStatus
}

/** An id that depends on everything that determines the row: prompt, variant, teacher, system prompt, sampling. */
export const rowId = (determinants: Json): RowId => contentId('row', determinants)

/** The verdicts on the texts as they go into a dataset. Those on the original texts are not verdicts on edited ones. */
export const effectiveVerdicts = (row: Pick<Row, 'edit' | 'verdicts'>): readonly StepVerdict[] =>
  (row.edit ? row.edit.verdicts : row.verdicts) ?? []

/** The score of these texts: the mean of the readable verdicts, if there is one. */
export const effectiveScore = (row: Pick<Row, 'edit' | 'verdicts'>): number | undefined =>
  meanScore(effectiveVerdicts(row))

/** Prompt and completion as they go into a dataset: the edited version if there is one. */
export const effectiveText = (row: Row): { prompt: string; completion: string } =>
  row.edit
    ? { prompt: row.edit.prompt, completion: row.edit.completion }
    : { prompt: row.prompt, completion: row.completion.text }
