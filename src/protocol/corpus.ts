// Knows: the contract of the corpus worker: what is long and needs no model (reading files, novelty, freezing, downloads).
import type { Dataset } from '../domain/dataset.ts'
import type { FilterAnswer } from '../domain/filter-answer.ts'
import type { ProjectId, RunId } from '../domain/id.ts'
import type { Problem } from '../domain/problem.ts'
import type { Method } from './contract.ts'

export interface SeedsRead {
  readonly rows: number
  /** Seeds stored by this call; those already there are not counted. */
  readonly added: number
  readonly alreadyThere: number
  /** The first 200 problems; `problemCount` is all of them. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
  /** Ids of what was added, for undo. */
  readonly addedIds: readonly string[]
}

export const DATASET_FORMATS = ['messages', 'prompt-completion', 'alpaca', 'preference', 'csv'] as const
export type DatasetFormat = (typeof DATASET_FORMATS)[number]

export interface NamedFile {
  readonly name: string
  readonly bytes: Uint8Array
  readonly mime: string
}

export interface CorpusContract {
  /** Reads seeds from a file or typed text and stores the good ones; events tell rows read so far. */
  addSeeds: Method<
    { projectId: ProjectId; source: { kind: 'file'; file: File } | { kind: 'text'; text: string } },
    SeedsRead,
    { rows: number; bytes: number; totalBytes: number }
  >
  /** ROUGE-L novelty of candidates against texts that this worker holds under `pool`; `remember` adds them. */
  novelty: Method<{ pool: string; threshold: number; candidates: readonly string[] }, readonly FilterAnswer[]>
  remember: Method<{ pool: string; texts: readonly string[]; reset?: boolean }, null>
  /** Splits, hashes and stores the kept rows of a run. Refusals come as problems. */
  freeze: Method<
    { projectId: ProjectId; runId: RunId },
    { ok: true; dataset: Dataset } | { ok: false; problems: readonly Problem[] },
    { done: number; total: number }
  >
  exportDataset: Method<{ projectId: ProjectId; datasetId: string; format: DatasetFormat }, NamedFile>
  /** Everything of a project but model weights, as one file, and back. */
  saveProject: Method<{ projectId: ProjectId }, NamedFile, { done: number; total: number }>
  openProject: Method<
    { file: File },
    { ok: true; projectId: ProjectId; name: string } | { ok: false; problems: readonly Problem[] },
    { done: number; total: number }
  >
}
