// Knows: how the kept rows of a run become a dataset.
import type { Dataset } from '../../domain/dataset.ts'
import type { ProjectId, RunId } from '../../domain/id.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import type { CorpusContract } from '../../protocol/corpus.ts'
import type { Machines } from '../machines.ts'
import { followCall } from '../stream-progress.ts'

export interface FreezeProgress {
  readonly done: number
  readonly total: number
}
type Frozen = Awaited<ReturnType<CorpusContract['freeze']>>

/** Splits, hashes and stores the kept rows (with their hand edits); equal rows give the same dataset. Or returns why not. */
export async function* freezeDataset(
  { corpus }: Pick<Machines, 'corpus'>,
  { projectId, runId }: { projectId: ProjectId; runId: RunId },
  signal?: AbortSignal,
): AsyncGenerator<FreezeProgress, Checked<Dataset>> {
  const frozen = yield* followCall<FreezeProgress, Frozen>(signal, (options) =>
    corpus.freeze({ projectId, runId }, options),
  )
  return frozen.ok ? accept(frozen.dataset) : refuse(...frozen.problems)
}
