// Knows: what the student worker reads and writes, as functions, so that the rest of it does not depend on databases and files.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { Row } from '../../src/domain/row.ts'
import type { BaseModel } from '../../src/domain/student.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import type { DatasetId, ProjectId, StudentId } from '../../src/domain/id.ts'
import type { References } from '../../src/pipeline/filters/references.ts'

export interface StudentStores {
  /** Rows of a dataset in their frozen order; undefined if it is missing. */
  readRows(projectId: ProjectId, datasetId: DatasetId): Promise<readonly DatasetRow[] | undefined>
  /** Rows of a dataset's run that were dropped with a score. */
  readDropped(projectId: ProjectId, datasetId: DatasetId): Promise<readonly Row[]>
  /** The answers given with the project's seeds, by prompt. */
  readAnswers(projectId: ProjectId): Promise<References>
  /** Bytes of a soft-target file; undefined if it is missing. */
  readSoftTargets(projectId: ProjectId, name: string): Promise<Uint8Array | undefined>
  /** An imported model's file, for reading. Rejects with ModelMissing if it is no longer stored. */
  openModel(source: BaseModel['source'], signal?: AbortSignal): Promise<ByteSource>
  /** Bytes of the student's last checkpoint; undefined if there is none. */
  readCheckpoint(projectId: ProjectId, studentId: StudentId): Promise<Uint8Array | undefined>
  /** Replaces it atomically: a reader sees the old one or the new one. */
  writeCheckpoint(projectId: ProjectId, studentId: StudentId, bytes: Uint8Array): Promise<void>
}
