// Knows: what the student worker reads and writes, as functions, so that its work knows nothing of databases and files.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { AdaptedModel } from '../../src/domain/student.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import type { DatasetId, ProjectId, StudentId } from '../../src/domain/id.ts'

export interface StudentStores {
  /** Rows of a dataset in their frozen order; undefined where it is not there. */
  readRows(projectId: ProjectId, datasetId: DatasetId): Promise<readonly DatasetRow[] | undefined>
  /** Bytes of a file of a teacher's probabilities; undefined where it is not there. */
  readTrace(projectId: ProjectId, name: string): Promise<Uint8Array | undefined>
  /** An imported model's file, for reading. Rejects with ModelMissing where it is not kept any more. */
  openModel(source: AdaptedModel['source'], signal?: AbortSignal): Promise<ByteSource>
  /** Bytes of the student's last checkpoint; undefined where there is none. */
  readCheckpoint(projectId: ProjectId, studentId: StudentId): Promise<Uint8Array | undefined>
  /** Replaces it whole: a reader sees the old one or the new one. */
  writeCheckpoint(projectId: ProjectId, studentId: StudentId, bytes: Uint8Array): Promise<void>
}
