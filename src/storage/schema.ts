// Knows: the stores of the database and their keys, as one type that checks every call.
// Must not know: how the stores are created and upgraded (migrations/).
import type { DBSchema } from 'idb'
import type { ColumnMapping } from '../domain/column-mapping.ts'
import type { Comparison } from '../domain/comparison.ts'
import type { Dataset, DatasetRow } from '../domain/dataset.ts'
import type { DatasetId, ProjectId, RunId } from '../domain/id.ts'
import type { MeasuredBatch } from '../domain/measured-batch.ts'
import type { MeasuredThreads } from '../domain/measured-threads.ts'
import type { Preference } from '../domain/preference.ts'
import type { Project } from '../domain/project.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { Reply } from '../domain/reply.ts'
import type { Row } from '../domain/row.ts'
import type { Run } from '../domain/run.ts'
import type { Seed } from '../domain/seed.ts'
import type { Student } from '../domain/student.ts'

/** A frozen row with its dataset and index. */
export interface StoredDatasetRow {
  readonly projectId: ProjectId
  readonly datasetId: DatasetId
  readonly index: number
  readonly row: DatasetRow
}

/** A finished unit of a run that leaves no record of its own, such as a growth request without a prompt. */
export interface JournalEntry {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly key: string
}

/** The reply of a call, by the call's address. */
export interface StoredCall {
  readonly projectId: ProjectId
  readonly key: string
  readonly reply: Reply
}

/** That a run, or the project's trials, use a reply. */
export interface CallUse {
  readonly projectId: ProjectId
  readonly key: string
  /** A run's id, or `trial`. */
  readonly user: string
}

/** What a person chose for files of one form. */
export interface StoredColumnMapping extends ColumnMapping {
  /** Milliseconds since 1970. */
  readonly changedAt: number
}

/** A file where the browser has no file system for the page. */
export interface StoredFile {
  /** Names with `/` between them. */
  readonly path: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Milliseconds since 1970. */
  readonly changedAt: number
}

type InProject = [projectId: string, id: string]
type InRun = [projectId: string, runId: string, order: number]

export interface Schema extends DBSchema {
  projects: { key: string; value: Project }
  seeds: {
    key: InProject
    value: Seed
    indexes: { inOrder: [projectId: string, addedAt: number, line: number] }
  }
  runs: { key: InProject; value: Run }
  prompts: { key: InProject; value: Prompt; indexes: { inRun: InRun } }
  rows: {
    key: InProject
    value: Row
    indexes: { inRun: InRun; byStatus: [projectId: string, runId: string, status: string] }
  }
  preferences: {
    key: InProject
    value: Preference
    indexes: { ofStep: [projectId: string, runId: string, step: number] }
  }
  journal: { key: [projectId: string, runId: string, key: string]; value: JournalEntry }
  calls: { key: InProject; value: StoredCall }
  callUses: {
    key: [projectId: string, key: string, user: string]
    value: CallUse
    indexes: { ofUser: [projectId: string, user: string] }
  }
  datasets: { key: InProject; value: Dataset }
  datasetRows: { key: [projectId: string, datasetId: string, index: number]; value: StoredDatasetRow }
  students: { key: InProject; value: Student }
  comparisons: { key: InProject; value: Comparison }
  files: { key: string; value: StoredFile }
  batches: { key: [fingerprint: string, device: string]; value: MeasuredBatch }
  threads: { key: string; value: MeasuredThreads }
  columnMappings: { key: string; value: StoredColumnMapping }
}

/** Every store whose records make up a project, and are saved and copied with it: all but the replies of calls, which a file has only if wanted, the projects themselves, the measured batch sizes and the column mappings. */
export const PROJECT_STORES = [
  'seeds',
  'runs',
  'prompts',
  'rows',
  'preferences',
  'journal',
  'datasets',
  'datasetRows',
  'students',
  'comparisons',
] as const
export type ProjectStore = (typeof PROJECT_STORES)[number]

/** Stores whose records belong to a project and only save it work: deleted with it, saved in a file only if a person wants that, and not copied. */
export const DERIVED_STORES = ['calls', 'callUses'] as const
