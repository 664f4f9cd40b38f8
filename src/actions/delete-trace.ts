// Knows: how a teacher's stored probabilities are deleted.
import type { ProjectId } from '../domain/id.ts'
import { traceFiles } from '../storage/files.ts'

export const deleteTrace = ({ projectId, file }: { projectId: ProjectId; file: string }): Promise<void> =>
  traceFiles.remove(projectId, file)
