// Knows: which prompts or rows a bar of the funnel counts, or one of its parts.
import type { ProjectId, PromptId, RowId, RunId } from '../../domain/id.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import { firstSteps, outcomesOfPrompt, outcomesOfRow, type StepOutcome } from '../../pipeline/funnel.ts'
import type { Database } from '../../storage/database.ts'
import { listPrompts } from '../../storage/prompts.ts'
import { eachRow } from '../../storage/rows.ts'

export interface BarSelection {
  /** Index of the bar's step in the recipe. */
  readonly step: number
  /** Their outcome in that step; `reason` as the bar lists it. */
  readonly part: 'reached' | 'passed' | 'dropped' | { readonly reason: string }
}

/** Ids in the run's order: of prompts for a bar of prompts, of rows for a bar of completions. */
export type BarMembers =
  | { readonly of: 'prompt'; readonly ids: readonly PromptId[] }
  | { readonly of: 'completion'; readonly ids: readonly RowId[] }

/** The members of a bar, read from the store: exactly those the bar counts. */
export async function listBarMembers(
  db: Database,
  {
    projectId,
    runId,
    recipe,
    bar,
  }: { projectId: ProjectId; runId: RunId; recipe: CheckedRecipe; bar: BarSelection },
): Promise<BarMembers> {
  const first = firstSteps(recipe)
  if (bar.step < first.complete) {
    const prompts = await listPrompts(db, projectId, runId)
    return {
      of: 'prompt',
      ids: prompts
        .filter((prompt) => outcomesOfPrompt(prompt, first).some((outcome) => belongs(outcome, bar)))
        .map(({ id }) => id),
    }
  }
  const ids: RowId[] = []
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page)
      if (outcomesOfRow(row, first).some((outcome) => belongs(outcome, bar))) ids.push(row.id)
  }
  return { of: 'completion', ids }
}

function belongs(outcome: StepOutcome, { step, part }: BarSelection): boolean {
  if (outcome.step !== step) return false
  if (typeof part === 'object') return outcome.reason === part.reason
  switch (part) {
    case 'reached':
      return true
    case 'passed':
      return outcome.passed
    case 'dropped':
      return !outcome.passed
    default:
      return part satisfies never
  }
}
