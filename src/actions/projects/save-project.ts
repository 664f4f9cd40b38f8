// Knows: how a project is saved as one file.
import type { ProjectId } from '../../domain/id.ts'
import type { NamedFile } from '../../protocol/corpus.ts'
import { makeDownload } from '../exports/downloads.ts'
import type { Download, Machines } from '../machines.ts'
import { followCall } from '../stream-progress.ts'

export interface SaveProgress {
  readonly done: number
  readonly total: number
}

/** How many replies are stored, and about how many bytes they add to the file. */
export const sizeReplies = (
  { corpus }: Pick<Machines, 'corpus'>,
  projectId: ProjectId,
): Promise<{ readonly replies: number; readonly bytes: number }> => corpus.sizeReplies({ projectId })

/**
 * All records of the project and its students' checkpoints, as one file, with its stored replies if wanted. Models and stored soft targets
 * are not in it.
 */
export async function* saveProject(
  { corpus }: Pick<Machines, 'corpus'>,
  { projectId, withReplies = false }: { projectId: ProjectId; withReplies?: boolean },
  signal?: AbortSignal,
): AsyncGenerator<SaveProgress, Download> {
  return makeDownload(
    yield* followCall<SaveProgress, NamedFile>(signal, (options) =>
      corpus.saveProject({ projectId, withReplies }, options),
    ),
  )
}
