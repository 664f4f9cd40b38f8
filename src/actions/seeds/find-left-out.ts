// Knows: what the prompts of a recipe leave out of the seeds, found before it runs.
import type { ProjectId } from '../../domain/id.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import { ConversationCounter } from '../../pipeline/growing/seed-conversations.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import type { Database } from '../../storage/database.ts'
import { eachSeed } from '../../storage/seeds.ts'

/** A sentence with counts, or undefined if nothing is left out. Reads all seeds, unless the recipe's way of growing leaves nothing out. */
export async function findLeftOut(
  db: Database,
  projectId: ProjectId,
  recipe: CheckedRecipe,
): Promise<string | undefined> {
  const { grow } = readSteps(recipe)
  if (grow?.member.leavesOut === undefined) return undefined
  const counter = new ConversationCounter()
  for await (const page of eachSeed(db, projectId)) for (const seed of page) counter.add(seed)
  return grow.member.leavesOut(counter.counts)
}
