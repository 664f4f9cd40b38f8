// Knows: how seeds are imported, from a file or typed text.
import type { ColumnMapping } from '../../domain/column-mapping.ts'
import type { ProjectId } from '../../domain/id.ts'
import type { SeedsRead } from '../../protocol/corpus.ts'
import type { Machines } from '../machines.ts'
import { followCall } from '../stream-progress.ts'

export type SeedSource =
  | { readonly kind: 'file'; readonly file: File }
  | { readonly kind: 'text'; readonly text: string }

export interface SeedProgress {
  readonly rows: number
  readonly bytes: number
  /** 0 if unknown. */
  readonly totalBytes: number
}

/**
 * Reads the source in the corpus worker and stores its valid rows; invalid ones are returned as problems with their lines.
 * `columns` says which column is what, for a source that was `undecided` without it or is to be read in another way.
 */
export async function* addSeeds(
  { corpus }: Pick<Machines, 'corpus'>,
  request: { projectId: ProjectId; source: SeedSource; columns?: ColumnMapping },
  signal?: AbortSignal,
): AsyncGenerator<SeedProgress, SeedsRead> {
  return yield* followCall<SeedProgress, SeedsRead>(signal, (options) => corpus.addSeeds(request, options))
}
