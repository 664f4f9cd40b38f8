// Knows: how a project is duplicated with everything in it.
import type { ProjectId } from '../../domain/id.ts'
import { accept, type Checked } from '../../domain/problem.ts'
import { parseProjectName, type Project } from '../../domain/project.ts'
import * as projects from '../../storage/projects.ts'
import { STORING_LOCK, whenLocked } from '../../storage/locks.ts'
import { guardQuota } from '../../storage/quota.ts'
import { readProject } from './change-project.ts'
import type { Machines } from '../machines.ts'

/** Copies all records of a project, and its students' checkpoints, under a new id. */
export async function duplicateProject(
  machines: Pick<Machines, 'db' | 'now'>,
  { projectId, name }: { projectId: ProjectId; name: string },
): Promise<Checked<Project>> {
  const checked = parseProjectName(name)
  if (!checked.ok) return checked
  await readProject(machines, projectId)
  return accept(
    await guardQuota(`The copy “${checked.value}”`, () =>
      whenLocked(STORING_LOCK, () =>
        projects.duplicateProject(machines.db, projectId, checked.value, machines.now()),
      ),
    ),
  )
}
