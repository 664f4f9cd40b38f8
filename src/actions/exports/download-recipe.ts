// Knows: how a recipe is downloaded.
import type { ProjectId, RunId } from '../../domain/id.ts'
import { RetortError } from '../../protocol/errors.ts'
import { getRun } from '../../storage/runs.ts'
import { readProject } from '../projects/change-project.ts'
import { fileStem, textDownload } from './downloads.ts'
import type { Download, Machines } from '../machines.ts'

/** The recipe of a run, or without a run the project's current text. */
export async function downloadRecipe(
  machines: Pick<Machines, 'db'>,
  { projectId, runId }: { projectId: ProjectId; runId?: RunId },
): Promise<Download> {
  const project = await readProject(machines, projectId)
  const run = runId && (await getRun(machines.db, projectId, runId))
  const text = run?.recipeText ?? project.recipeText
  if (text === undefined)
    throw new RetortError('StorageFailed', 'This project has no recipe yet. Write one on the Recipe screen.')
  return textDownload(`${fileStem(project.name)}.recipe.yaml`, text, 'application/yaml')
}
