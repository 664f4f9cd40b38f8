// Knows: how a project is deleted: its records and its students' files. Models stay: they belong to no project.
import type { ProjectId } from '../../domain/id.ts'
import { checkpointFiles } from '../../storage/files.ts'
import * as projects from '../../storage/projects.ts'
import type { Machines } from '../machines.ts'
import { withoutProjectWork } from './project-work.ts'

/** Deletes it, or returns why not, for the end of a sentence: a run or a training of it is in progress in some tab. */
export const deleteProject = (
  { db }: Pick<Machines, 'db'>,
  { projectId }: { projectId: ProjectId },
): Promise<string | undefined> =>
  withoutProjectWork(projectId, async () => {
    await projects.deleteProject(db, projectId)
    await checkpointFiles.remove(projectId)
  })
