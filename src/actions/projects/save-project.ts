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

/** All records of the project and its students' checkpoints, as one file. Models and stored soft targets are not in it. */
export async function* saveProject(
  { corpus }: Pick<Machines, 'corpus'>,
  { projectId }: { projectId: ProjectId },
  signal?: AbortSignal,
): AsyncGenerator<SaveProgress, Download> {
  return makeDownload(
    yield* followCall<SaveProgress, NamedFile>(signal, (options) =>
      corpus.saveProject({ projectId }, options),
    ),
  )
}
