// Knows: how a teacher is loaded and recorded in its project.
import type { ChatFormat } from '../domain/chat-format.ts'
import type { ProjectId } from '../domain/id.ts'
import type { Backend } from '../domain/machine.ts'
import type { ModelSource } from '../domain/model-source.ts'
import type { TeacherDescription, WeightForm } from '../domain/teacher-description.ts'
import type { LoadProgress } from '../protocol/teacher.ts'
import { CANCEL_PATIENCE } from '../protocol/contract.ts'
import { changeProject } from './change-project.ts'
import type { Machines } from './machines.ts'
import { followCall } from './stream-progress.ts'

export interface LoadTeacher {
  readonly projectId: ProjectId
  readonly source: ModelSource
  readonly backend: Backend
  /** Store a copy in this browser. */
  readonly keep: boolean
  /** Requested context length in tokens. */
  readonly contextLength: number
  /** Format of the weights in memory; absent: the fastest that fits. */
  readonly weights?: WeightForm
  /** In place of the model's own chat template. */
  readonly chatFormat?: ChatFormat
}

/**
 * Loads the model and unloads an earlier one; `notStored` of the description says why a copy is not stored. Throws `ModelRefused`,
 * `OutOfMemory`, `DownloadFailed` with sentences.
 */
export async function* loadTeacher(
  machines: Pick<Machines, 'teacher' | 'db' | 'now'>,
  { projectId, source, keep, ...options }: LoadTeacher,
  signal?: AbortSignal,
): AsyncGenerator<LoadProgress, TeacherDescription> {
  const description = yield* followCall<LoadProgress, TeacherDescription>(signal, (call) =>
    machines.teacher.load({ source, keep, ...options }, { ...call, patience: CANCEL_PATIENCE }),
  )
  if ((keep && description.notStored === undefined) || source.kind === 'stored' || source.kind === 'built-in')
    await changeProject(machines, projectId, { teacherName: description.card.fileName })
  return description
}
