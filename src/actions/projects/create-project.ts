// Knows: how a project is created.
import { accept, type Checked } from '../../domain/problem.ts'
import { makeProject, parseProjectName, type Project } from '../../domain/project.ts'
import { guardQuota } from '../../storage/quota.ts'
import { putProject } from '../../storage/projects.ts'
import { defaultRecipe } from '../../pipeline/recipes/default-recipe.ts'
import { writeRecipe } from '../../pipeline/recipes/write-recipe.ts'
import type { Machines } from '../machines.ts'

/** Stores a new project with the default recipe (or `recipeText`), or returns what is wrong with its name. */
export async function createProject(
  { db, now }: Pick<Machines, 'db' | 'now'>,
  { name, recipeText, teacherName }: { name: string; recipeText?: string; teacherName?: string },
): Promise<Checked<Project>> {
  const checked = parseProjectName(name)
  if (!checked.ok) return checked
  const project: Project = {
    ...makeProject(checked.value, now()),
    recipeText: recipeText ?? writeRecipe(defaultRecipe()),
    ...(teacherName === undefined ? {} : { teacherName }),
  }
  await guardQuota(`The project “${project.name}”`, () => putProject(db, project))
  return accept(project)
}
