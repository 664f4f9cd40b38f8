// Knows: which files of teachers' probabilities there are along a dataset, by their headers alone.
import type { DatasetId, ProjectId } from '../../src/domain/id.ts'
import type { StoredTrace } from '../../src/domain/trace.ts'
import { crc32 } from '../../src/engine/training/crc32.ts'
import { findHeaderEnd, readTraceHeader, TRACE_START } from '../../src/engine/training/trace-file.ts'
import { traceFiles } from '../../src/storage/files.ts'

/** The newest first. What is no trace, or a broken one, is not listed; a browser that keeps no files has none. */
export async function listTraces({
  projectId,
  datasetId,
}: {
  projectId: ProjectId
  datasetId: DatasetId
}): Promise<readonly StoredTrace[]> {
  if (globalThis.navigator?.storage?.getDirectory === undefined) return []
  const files = (await traceFiles.list(projectId)).filter(({ name }) =>
    name.startsWith(`${datasetId.slice(0, 16)}-`),
  )
  const traces = await Promise.all(files.map(({ name, file }) => readTrace(name, file)))
  return traces.flatMap((trace) => trace ?? []).toSorted((a, b) => b.savedAt - a.savedAt)
}

async function readTrace(name: string, file: File): Promise<StoredTrace | undefined> {
  const end = findHeaderEnd(new Uint8Array(await file.slice(0, TRACE_START).arrayBuffer()))
  const header =
    end === undefined ? undefined : readTraceHeader(new Uint8Array(await file.slice(0, end).arrayBuffer()))
  if (!header) return undefined
  const { choices, temperature, tokenizer, hidden, teacher } = header
  const fingerprint = teacher?.fingerprint ?? name.split('-')[1] ?? ''
  const vocabulary = crc32(new TextEncoder().encode(tokenizer.json)).toString(16)
  return {
    file: name,
    ...(teacher ? { name: teacher.name } : {}),
    fingerprint,
    choices,
    temperature,
    ...(hidden ? { hiddenWidth: hidden.width } : {}),
    vocabulary,
    bytes: file.size,
    savedAt: file.lastModified,
  }
}
