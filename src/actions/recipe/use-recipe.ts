// Knows: how a recipe is stored in its project.
import type { ProjectId } from '../../domain/id.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Checked } from '../../domain/problem.ts'
import { checkRecipeText } from '../../pipeline/recipes/check-recipe.ts'
import { changeProject } from '../projects/change-project.ts'
import type { Machines } from '../machines.ts'

/** Stores the text in the project, even with problems, so that nothing typed is lost; returns the checked recipe or its problems. */
export async function useRecipe(
  machines: Pick<Machines, 'db' | 'now'>,
  { projectId, text }: { projectId: ProjectId; text: string },
): Promise<Checked<CheckedRecipe>> {
  await changeProject(machines, projectId, { recipeText: text })
  return checkRecipeText(text)
}
