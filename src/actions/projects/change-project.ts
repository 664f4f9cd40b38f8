// Knows: how a stored project's record is changed: read, changed, dated, written.
import type { ProjectId } from '../../domain/id.ts'
import type { Project } from '../../domain/project.ts'
import { projectIsGone } from '../../storage/project-writes.ts'
import { getProject, putProject } from '../../storage/projects.ts'
import { guardQuota } from '../../storage/quota.ts'
import type { Machines } from '../machines.ts'

/** The stored project; throws `StorageFailed` if it is gone (deleted in another tab). */
export async function readProject({ db }: Pick<Machines, 'db'>, projectId: ProjectId): Promise<Project> {
  const project = await getProject(db, projectId)
  if (!project) throw projectIsGone()
  return project
}

/** Writes the fields over the stored project and returns the changed project. */
export async function changeProject(
  machines: Pick<Machines, 'db' | 'now'>,
  projectId: ProjectId,
  fields: Partial<Omit<Project, 'id'>>,
): Promise<Project> {
  const project: Project = {
    ...(await readProject(machines, projectId)),
    ...fields,
    changedAt: machines.now(),
  }
  await guardQuota(`The project “${project.name}”`, () => putProject(machines.db, project))
  return project
}
