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
  // Of several steps the first that leaves something out: those after it have nothing left to leave out.
  const grow = readSteps(recipe).growers.find(({ member }) => member.leavesOut !== undefined)
  if (grow === undefined) return undefined
  const counter = new ConversationCounter()
  for await (const page of eachSeed(db, projectId)) for (const seed of page) counter.add(seed)
  return grow.member.leavesOut?.(counter.counts)
}
