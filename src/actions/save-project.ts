// Knows: how a project becomes one file.
import type { ProjectId } from '../domain/id.ts'
import type { NamedFile } from '../protocol/corpus.ts'
import { makeDownload } from './downloads.ts'
import type { Download, Machines } from './machines.ts'
import { followCall } from './tell-progress.ts'

export interface SaveProgress {
  readonly done: number
  readonly total: number
}

/** Everything of the project but model weights, as one file. */
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
