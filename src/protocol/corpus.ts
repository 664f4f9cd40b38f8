// Knows: the contract of the corpus worker: long work without a model (reading files, novelty, freezing, downloads).
import type { ColumnMapping, ColumnPreview } from '../domain/column-mapping.ts'
import type { Dataset } from '../domain/dataset.ts'
import type { FilterDecision } from '../domain/filter-decision.ts'
import type { ProjectId, RunId } from '../domain/id.ts'
import type { Problem } from '../domain/problem.ts'
import type { Method } from './contract.ts'

export interface SeedsRead {
  readonly rows: number
  /** Seeds stored by this call, without those already stored. */
  readonly added: number
  readonly alreadyThere: number
  /** Rows that repeat an earlier one of the source. */
  readonly repeated: number
  /** Up to 200 different reasons why rows could not be used, each with its lines; `moreProblems` are not listed. */
  readonly problems: readonly Problem[]
  readonly moreProblems: number
  /** All rows that could not be used. */
  readonly problemCount: number
  /** What was read as what, and what was not used: one sentence for each thing, with counts. */
  readonly report: readonly string[]
  /** The columns as they were read, if the source has columns. */
  readonly columns?: ColumnPreview
  /** The columns are not known: nothing was read, and a person has to choose. */
  readonly undecided: boolean
  /** Ids of the added seeds, for undo. */
  readonly addedIds: readonly string[]
}

export const DATASET_FORMATS = ['messages', 'prompt-completion', 'alpaca', 'preference', 'csv'] as const
export type DatasetFormat = (typeof DATASET_FORMATS)[number]

export interface NamedFile {
  readonly name: string
  readonly bytes: Uint8Array
  readonly mime: string
}

/** A file that may be larger than one buffer. */
export interface NamedBlob {
  readonly name: string
  readonly blob: Blob
  readonly mime: string
}

export interface CorpusContract {
  /**
   * Reads seeds from a file or typed text and stores the valid ones; events report the rows read so far. `columns` is a person's
   * choice, which is remembered for files of its form.
   */
  addSeeds: Method<
    {
      projectId: ProjectId
      source: { kind: 'file'; file: File } | { kind: 'text'; text: string }
      columns?: ColumnMapping
    },
    SeedsRead,
    { rows: number; bytes: number; totalBytes: number }
  >
  /**
   * Decides on candidates by their ROUGE-L novelty against this worker's texts under `pool`; `remember` adds texts. `WorkerDied` if there is
   * no such pool.
   */
  novelty: Method<
    { pool: string; threshold: number; candidates: readonly string[] },
    readonly FilterDecision[]
  >
  remember: Method<{ pool: string; texts: readonly string[]; reset?: boolean }, null>
  /** Frees a pool. Every run and every trial has its own. */
  forget: Method<{ pool: string }, null>
  /** Splits, hashes and stores the kept rows of a run. Refusals are problems. */
  freeze: Method<
    { projectId: ProjectId; runId: RunId },
    { ok: true; dataset: Dataset } | { ok: false; problems: readonly Problem[] },
    { done: number; total: number }
  >
  exportDataset: Method<{ projectId: ProjectId; datasetId: string; format: DatasetFormat }, NamedBlob>
  /** How many replies a project has stored, and about how many bytes they add to its file. */
  sizeReplies: Method<{ projectId: ProjectId }, { replies: number; bytes: number }>
  /**
   * A project with its students' checkpoints, and with its stored replies if a person wants them, but without imported models, as one file,
   * and back. `notes`: what of the file was not used.
   */
  saveProject: Method<
    { projectId: ProjectId; withReplies?: boolean },
    NamedFile,
    { done: number; total: number }
  >
  openProject: Method<
    { file: File },
    | { ok: true; projectId: ProjectId; name: string; notes: readonly string[] }
    | { ok: false; problems: readonly Problem[] },
    { done: number; total: number }
  >
}
