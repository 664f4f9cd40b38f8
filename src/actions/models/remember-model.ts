// Knows: how a project remembers which model it last had for a role.
import type { ProjectId } from '../../domain/id.ts'
import type { Role } from '../../domain/role.ts'
import { changeProject, readProject } from '../projects/change-project.ts'
import type { Machines } from '../machines.ts'

export interface RememberModel {
  readonly projectId: ProjectId
  readonly role: Role
  /** Of the file or folder; undefined: the role has no model of its own. */
  readonly name: string | undefined
}

/** Throws `StorageFailed` if the project is gone. */
export async function rememberModel(
  machines: Pick<Machines, 'db' | 'now'>,
  { projectId, role, name }: RememberModel,
): Promise<void> {
  if (role === 'teacher') {
    if (name !== undefined) await changeProject(machines, projectId, { teacherName: name })
    return
  }
  const { modelNames = {} } = await readProject(machines, projectId)
  if (name === undefined && !Object.hasOwn(modelNames, role)) return
  const { [role]: _, ...others } = modelNames
  await changeProject(machines, projectId, {
    modelNames: name === undefined ? others : { ...others, [role]: name },
  })
}
