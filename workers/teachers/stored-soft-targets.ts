// Knows: how a teacher's soft targets of many rows are stored in a file: some rows at a time, resumable, complete at the end.
// Must not know: how a row's soft targets are computed (soft-targets.ts, class-soft-targets.ts).
import type { ProjectId } from '../../src/domain/id.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import {
  readSoftTargetFile,
  writeSoftTargetHeader,
  writeSoftTargetRow,
  type SoftTargetFile,
  type SoftTargetHeader,
} from '../../src/engine/training/soft-target-file.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { softTargetFiles } from '../../src/storage/files.ts'
import { guardQuota } from '../../src/storage/quota.ts'

/** Rows that are computed and stored at a time; an interruption loses up to this many. */
const ROWS_AT_ONCE = 32

export interface SoftTargetJob<Row> {
  readonly projectId: ProjectId
  readonly fileName: string
  readonly header: Omit<SoftTargetHeader, 'rows'>
  readonly rows: readonly Row[]
  /** The teacher's soft targets of some of the rows, in their order. */
  readonly compute: (rows: readonly Row[]) => Promise<readonly TeacherRow[]>
}

/** All rows as they are stored at the end. Stored rows are not computed again. Throws an AbortError, and StorageFull. */
export async function fillSoftTargetFile<Row>(
  { projectId, fileName, header, rows, compute }: SoftTargetJob<Row>,
  { signal, emit }: Call<{ done: number; total: number }>,
): Promise<readonly { readonly ids: { readonly length: number } }[]> {
  const stored = readStored(await softTargetFiles.read(projectId, fileName))
  if (stored?.rows.length === rows.length) return stored.rows

  const part = readStored(await softTargetFiles.readPart(projectId, fileName))
  const partial = part?.header.rows === rows.length ? part : undefined
  const done: { readonly ids: { readonly length: number } }[] = [...(partial?.rows ?? [])]
  const appender = await guardQuota('The teacher’s token probabilities', () =>
    softTargetFiles.openPart(projectId, fileName, partial?.wholeBytes ?? 0),
  )
  try {
    const append = (bytes: Uint8Array): Promise<void> =>
      guardQuota('The teacher’s token probabilities', () => appender.append(bytes))
    if (!partial) await append(writeSoftTargetHeader({ ...header, rows: rows.length }))
    emit({ done: done.length, total: rows.length })
    while (done.length < rows.length) {
      signal.throwIfAborted()
      const computed = await compute(rows.slice(done.length, done.length + ROWS_AT_ONCE))
      for (const row of computed) await append(writeSoftTargetRow(row))
      done.push(...computed)
      emit({ done: done.length, total: rows.length })
    }
  } finally {
    await appender.close()
  }
  await softTargetFiles.finishPart(projectId, fileName)
  return done
}

const readStored = (bytes: Uint8Array | undefined): SoftTargetFile | undefined => {
  const read = bytes && readSoftTargetFile(bytes)
  return read?.ok ? read.file : undefined
}
