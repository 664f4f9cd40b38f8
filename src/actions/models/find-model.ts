// Knows: which of several models is the one that a run or a student was made with: by its fingerprint, whatever its file is called.
import type { ModelRef } from '../../domain/model-card.ts'
import type { ModelSource } from '../../domain/model-source.ts'
import { inspectModel } from './inspect-model.ts'
import type { Machines } from '../machines.ts'

/** A model that can be loaded without a person. */
export interface ModelCandidate {
  /** Of the file or folder. */
  readonly name: string
  readonly source: ModelSource
}

/** The first candidate with this fingerprint. Reads headers only; a candidate that cannot be read is not the one. */
export async function findModel<Candidate extends ModelCandidate>(
  machines: Pick<Machines, 'teacher'>,
  { fingerprint, candidates }: Pick<ModelRef, 'fingerprint'> & { readonly candidates: readonly Candidate[] },
  signal?: AbortSignal,
): Promise<Candidate | undefined> {
  for (const candidate of candidates) {
    signal?.throwIfAborted()
    const card = await inspectModel(machines, { source: candidate.source }, signal).catch(
      (thrown: unknown) => {
        if (signal?.aborted) throw thrown
        return undefined
      },
    )
    if (card?.ok && card.value.fingerprint === fingerprint) return candidate
  }
  return undefined
}
