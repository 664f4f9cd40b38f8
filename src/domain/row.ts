// Knows: a row, one completion of one prompt with everything that was said of it: its whole history in one record.
import { contentId, type ProjectId, type PromptId, type RowId, type RunId, type SeedId } from './id.ts'
import type { Json } from './hash.ts'
import type { StepAnswer } from './filter-answer.ts'
import type { Ending, ModelRef, Sampling } from './model.ts'
import type { Verdict } from './verdict.ts'

/** An answer to a prompt. Never changed once written. */
export interface Completion {
  readonly text: string
  readonly ending: Ending
  /** Tokens of the completion. */
  readonly tokens: number
  readonly teacher: ModelRef
  readonly system: string
  readonly sampling: Sampling
  /** Milliseconds since 1970. */
  readonly writtenAt: number
}

/** What a person changed by hand; kept beside the original. */
export interface HandEdit {
  readonly prompt: string
  readonly completion: string
  readonly editedAt: number
}

/**
 * Where a row stands:
 * `asked` written and not yet through all steps; `dropped` by the step in `droppedBy`; `kept` by the recipe;
 * `rejected` by hand (its earlier standing comes back when that is undone).
 */
export type RowStatus = 'asked' | 'dropped' | 'kept' | 'rejected'

export interface Row {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly id: RowId
  readonly promptId: PromptId
  readonly seedId: SeedId
  /** Copy of the prompt's text: a row is read alone. */
  readonly prompt: string
  /** Which of the n completions of its prompt, from 0. */
  readonly variant: number
  /** Order within the run, from 0. */
  readonly order: number
  readonly completion: Completion
  readonly answers: readonly StepAnswer[]
  readonly verdict?: Verdict
  /** Name of the step that dropped it, such as `length` or `threshold`. */
  readonly droppedBy?: string
  readonly edit?: HandEdit
  readonly rejectedByHand?: { readonly at: number; readonly before: RowStatus }
  readonly status: RowStatus
}

/** Named after all that determines it: prompt, variant, teacher, system prompt, sampling. */
export const rowId = (determinants: Json): RowId => contentId('row', determinants)

/** Prompt and completion as the dataset takes them: the hand's version where there is one. */
export const effectiveText = (row: Row): { prompt: string; completion: string } =>
  row.edit
    ? { prompt: row.edit.prompt, completion: row.edit.completion }
    : { prompt: row.prompt, completion: row.completion.text }
