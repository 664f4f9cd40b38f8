// Knows: how a teacher's stored soft targets are deleted.
import type { ProjectId } from '../../domain/id.ts'
import { softTargetFiles } from '../../storage/files.ts'

export const deleteSoftTargets = ({
  projectId,
  file,
}: {
  projectId: ProjectId
  file: string
}): Promise<void> => softTargetFiles.remove(projectId, file)
