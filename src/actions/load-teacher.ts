// Knows: how a teacher is loaded and remembered by its project.
import type { ProjectId } from '../domain/id.ts'
import type { Backend, ModelSource, TeacherDescription, WeightForm } from '../domain/model.ts'
import type { LoadProgress } from '../protocol/teacher.ts'
import { changeProject } from './change-project.ts'
import type { Machines } from './machines.ts'
import { followCall } from './tell-progress.ts'

export interface LoadTeacher {
  readonly projectId: ProjectId
  readonly source: ModelSource
  readonly backend: Backend
  /** Keep a copy that is there after a reload. */
  readonly keep: boolean
  /** Tokens of context wanted. */
  readonly contextLength: number
  /** How the weights are to lie in memory; absent: what is fastest where it fits. */
  readonly weights?: WeightForm
}

/** Loads the model, letting an earlier one go. Throws `ModelRefused`, `OutOfMemory`, `DownloadFailed`, `StorageFull` with sentences. */
export async function* loadTeacher(
  machines: Pick<Machines, 'teacher' | 'db' | 'now'>,
  { projectId, source, keep, ...options }: LoadTeacher,
  signal?: AbortSignal,
): AsyncGenerator<LoadProgress, TeacherDescription> {
  const description = yield* followCall<LoadProgress, TeacherDescription>(signal, (call) =>
    machines.teacher.load({ source, keep, ...options }, call),
  )
  if (keep || source.kind === 'stored' || source.kind === 'box')
    await changeProject(machines, projectId, { teacherName: description.card.fileName })
  return description
}
