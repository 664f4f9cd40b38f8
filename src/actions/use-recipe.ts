// Knows: how a recipe becomes the project's.
import type { ProjectId } from '../domain/id.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Checked } from '../domain/problem.ts'
import { checkRecipeText } from '../pipeline/recipes/check-recipe.ts'
import { changeProject } from './change-project.ts'
import type { Machines } from './machines.ts'

/** Stores the text on the project (a draft with problems too: nothing typed is lost) and gives the checked recipe or its problems. */
export async function useRecipe(
  machines: Pick<Machines, 'db' | 'now'>,
  { projectId, text }: { projectId: ProjectId; text: string },
): Promise<Checked<CheckedRecipe>> {
  await changeProject(machines, projectId, { recipeText: text })
  return checkRecipeText(text)
}
