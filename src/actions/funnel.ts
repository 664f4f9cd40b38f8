// Knows: how the funnel follows from what is stored. No counter is kept anywhere beside the prompts and rows.
import type { ProjectId, RunId } from '../domain/id.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { FunnelBar } from '../domain/run.ts'
import type { Database } from '../storage/database.ts'

/** The bars of a run, in the recipe's order. Rows rejected by hand count where the recipe left them. */
export async function computeFunnel(_db: Database, _projectId: ProjectId, _runId: RunId, _recipe: CheckedRecipe): Promise<FunnelBar[]> {
  throw new Error('being written')
}
