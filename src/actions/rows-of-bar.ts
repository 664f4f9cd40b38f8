// Knows: which prompts or rows stand behind a bar of the funnel, and behind one of its reasons.
import type { ProjectId, PromptId, RowId, RunId } from '../domain/id.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Database } from '../storage/database.ts'

export interface BarChoice {
  /** Index of the bar's step in the recipe. */
  readonly step: number
  /** What became of them there; `reason` as the bar lists it. */
  readonly part: 'reached' | 'passed' | 'dropped' | { readonly reason: string }
}

/** Ids in the run's order: prompts for a bar of prompts, rows for one of completions. */
export type BarMembers = { readonly of: 'prompt'; readonly ids: readonly PromptId[] } | { readonly of: 'completion'; readonly ids: readonly RowId[] }

export async function listRowsOfBar(_db: Database, _request: { projectId: ProjectId; runId: RunId; recipe: CheckedRecipe; bar: BarChoice }): Promise<BarMembers> {
  throw new Error('being written')
}
