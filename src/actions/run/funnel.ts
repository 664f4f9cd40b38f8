// Knows: how the funnel, and what advice reads, are computed from the stored prompts and rows. No other counter is stored.
import type { ProjectId, RunId } from '../../domain/id.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Row } from '../../domain/row.ts'
import type { FunnelBar, Run } from '../../domain/run.ts'
import { RunFactsCollector, type RunFacts } from '../../pipeline/advice/run-facts.ts'
import { FunnelTally } from '../../pipeline/funnel.ts'
import type { Database } from '../../storage/database.ts'
import { listPrompts } from '../../storage/prompts.ts'
import { eachRow } from '../../storage/rows.ts'

/** The bars of a run, in the recipe's order. Rows rejected by hand count with the status the recipe gave them. */
export async function computeFunnel(
  db: Database,
  projectId: ProjectId,
  runId: RunId,
  recipe: CheckedRecipe,
  onRow: (row: Row) => void = () => undefined,
): Promise<FunnelBar[]> {
  const tally = new FunnelTally(recipe)
  for (const prompt of await listPrompts(db, projectId, runId)) tally.countPrompt(prompt)
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) {
      tally.countRow(row)
      onRow(row)
    }
  }
  return tally.bars()
}

/** What advice on a stored run reads: its funnel, and what its rows show. */
export async function readRunFacts(db: Database, run: Run, recipe: CheckedRecipe): Promise<RunFacts> {
  const collector = new RunFactsCollector()
  const funnel = await computeFunnel(db, run.projectId, run.id, recipe, (row) => collector.add(row))
  return collector.facts({
    recipe,
    funnel,
    teacher: run.teacher,
    ...(run.loadedWith ? { contextLength: run.loadedWith.contextLength } : {}),
    ...(run.judgeProbe ? { probe: run.judgeProbe } : {}),
  })
}
