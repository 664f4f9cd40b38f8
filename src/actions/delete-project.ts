// Knows: how a project is deleted: its records and its students' files. Models stay: they belong to no project.
import type { ProjectId } from '../domain/id.ts'
import { checkpointFiles } from '../storage/files.ts'
import * as projects from '../storage/projects.ts'
import type { Machines } from './machines.ts'

export async function deleteProject(
  { db }: Pick<Machines, 'db'>,
  { projectId }: { projectId: ProjectId },
): Promise<void> {
  await projects.deleteProject(db, projectId)
  await checkpointFiles.remove(projectId)
}
