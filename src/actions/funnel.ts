// Knows: how the funnel is computed from the stored prompts and rows. No other counter is stored.
import type { ProjectId, RunId } from '../domain/id.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { FunnelBar } from '../domain/run.ts'
import { FunnelTally } from '../pipeline/funnel.ts'
import type { Database } from '../storage/database.ts'
import { listPrompts } from '../storage/prompts.ts'
import { eachRow } from '../storage/rows.ts'

/** The bars of a run, in the recipe's order. Rows rejected by hand count with the status the recipe gave them. */
export async function computeFunnel(
  db: Database,
  projectId: ProjectId,
  runId: RunId,
  recipe: CheckedRecipe,
): Promise<FunnelBar[]> {
  const tally = new FunnelTally(recipe)
  for (const prompt of await listPrompts(db, projectId, runId)) tally.countPrompt(prompt)
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) tally.countRow(row)
  }
  return tally.bars()
}
