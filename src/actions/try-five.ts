// Knows: how a recipe is tried on five rows before it runs: through all steps, in memory only.
// Must not know: the store, except to read seeds and the room that is left.
import type { ProjectId } from '../domain/id.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { TeacherDescription } from '../domain/model.ts'
import type { StepAnswer } from '../domain/filter-answer.ts'
import type { Completion } from '../domain/row.ts'
import type { Verdict } from '../domain/verdict.ts'
import type { Machines } from './machines.ts'

/** Rows that are tried. */
export const TRIED_ROWS = 5

/** A row as tried: like a stored one, but nowhere stored. `waiting` rows are not there yet. */
export interface TriedRow {
  readonly id: string
  readonly prompt: string
  /** True for a prompt that the teacher wrote, false for a seed asked as it is. */
  readonly grown: boolean
  readonly completion?: Completion
  readonly answers: readonly StepAnswer[]
  readonly verdict?: Verdict
  readonly status: 'waiting' | 'asked' | 'dropped' | 'kept'
  /** Name of the step that dropped it. */
  readonly droppedBy?: string
}

export interface TryProgress {
  /** Steps of the trial done and to do. */
  readonly done: number
  readonly total: number
  /** In words, for the status line. */
  readonly sentence: string
  readonly rows: readonly TriedRow[]
}

/** What the whole run will take, from what the five rows took. */
export interface TriedEstimate {
  readonly msTotal: number
  readonly storageBytes: number
  /** Completions the run will ask for. */
  readonly rows: number
  /** Tokens read and written. */
  readonly tokens: number
  /** A sentence where the run will not fit in the storage that is left. */
  readonly warning?: string
}

export interface TriedRecipe {
  readonly rows: readonly TriedRow[]
  readonly estimate: TriedEstimate
}

export interface TryFive {
  readonly projectId: ProjectId
  readonly recipe: CheckedRecipe
  readonly teacher: TeacherDescription
}

/** Five rows through grow, complete, filters, judge and keep. Stores nothing. Throws an AbortError when `signal` ends. */
export async function* tryFive(_machines: Pick<Machines, 'db' | 'teacher' | 'now'>, _request: TryFive, _signal?: AbortSignal): AsyncGenerator<TryProgress, TriedRecipe> {
  throw new Error('being written')
}
