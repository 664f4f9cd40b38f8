// Knows: how a project is renamed.
import type { ProjectId } from '../../domain/id.ts'
import { accept, type Checked } from '../../domain/problem.ts'
import { parseProjectName, type Project } from '../../domain/project.ts'
import { changeProject } from './change-project.ts'
import type { Machines } from '../machines.ts'

export async function renameProject(
  machines: Pick<Machines, 'db' | 'now'>,
  { projectId, name }: { projectId: ProjectId; name: string },
): Promise<Checked<Project>> {
  const checked = parseProjectName(name)
  return checked.ok ? accept(await changeProject(machines, projectId, { name: checked.value })) : checked
}
