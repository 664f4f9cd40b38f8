// Knows: how what a teacher says of many rows gets into a file: some rows at a time, going on where it was cut off, whole at the end.
// Must not know: what is asked of each row (trace.ts, trace-classes.ts).
import type { ProjectId } from '../../src/domain/id.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import {
  readTraceFile,
  writeTraceHeader,
  writeTraceRow,
  type TraceFile,
  type TraceHeader,
} from '../../src/engine/training/trace-file.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { traceFiles } from '../../src/storage/files.ts'
import { guardQuota } from '../../src/storage/quota.ts'

/** Rows that are traced and stored at a time: what a cut costs at most. */
const ROWS_AT_ONCE = 32

export interface TraceJob<Row> {
  readonly projectId: ProjectId
  /** Name of the file. */
  readonly trace: string
  readonly header: Omit<TraceHeader, 'rows'>
  readonly rows: readonly Row[]
  /** What the teacher says of some of the rows, in their order. */
  readonly ask: (rows: readonly Row[]) => Promise<readonly TeacherRow[]>
}

/** The rows as they are stored in the end. What is stored already is not asked again. Throws an AbortError, and StorageFull. */
export async function fillTrace<Row>(
  { projectId, trace, header, rows, ask }: TraceJob<Row>,
  { signal, emit }: Call<{ done: number; total: number }>,
): Promise<readonly { readonly ids: { readonly length: number } }[]> {
  const stored = readStored(await traceFiles.read(projectId, trace))
  if (stored?.rows.length === rows.length) return stored.rows

  const part = readStored(await traceFiles.readPart(projectId, trace))
  const begun = part?.header.rows === rows.length ? part : undefined
  const done: { readonly ids: { readonly length: number } }[] = [...(begun?.rows ?? [])]
  const appender = await guardQuota('The teacher’s probabilities', () =>
    traceFiles.openPart(projectId, trace, begun?.wholeBytes ?? 0),
  )
  try {
    const append = (bytes: Uint8Array): Promise<void> =>
      guardQuota('The teacher’s probabilities', () => appender.append(bytes))
    if (!begun) await append(writeTraceHeader({ ...header, rows: rows.length }))
    emit({ done: done.length, total: rows.length })
    while (done.length < rows.length) {
      signal.throwIfAborted()
      const traced = await ask(rows.slice(done.length, done.length + ROWS_AT_ONCE))
      for (const row of traced) await append(writeTraceRow(row))
      done.push(...traced)
      emit({ done: done.length, total: rows.length })
    }
  } finally {
    await appender.close()
  }
  await traceFiles.finishPart(projectId, trace)
  return done
}

const readStored = (bytes: Uint8Array | undefined): TraceFile | undefined => {
  const read = bytes && readTraceFile(bytes)
  return read?.ok ? read.file : undefined
}
