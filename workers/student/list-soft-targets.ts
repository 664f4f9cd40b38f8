// Knows: which soft-target files are stored for a dataset, by their headers alone.
import { findChatFormat } from '../../src/domain/chat-format.ts'
import type { DatasetId, ProjectId } from '../../src/domain/id.ts'
import type { StoredSoftTargets } from '../../src/domain/soft-targets.ts'
import { crc32 } from '../../src/engine/training/crc32.ts'
import {
  findHeaderEnd,
  readSoftTargetHeader,
  SOFT_TARGET_PREAMBLE,
} from '../../src/engine/training/soft-target-file.ts'
import { softTargetFiles } from '../../src/storage/files.ts'

/** The newest first. Files that are not soft targets or are corrupt are left out; a browser without file storage has none. */
export async function listSoftTargets({
  projectId,
  datasetId,
}: {
  projectId: ProjectId
  datasetId: DatasetId
}): Promise<readonly StoredSoftTargets[]> {
  if (globalThis.navigator?.storage?.getDirectory === undefined) return []
  const files = (await softTargetFiles.list(projectId)).filter(({ name }) =>
    name.startsWith(`${datasetId.slice(0, 16)}-`),
  )
  const summaries = await Promise.all(files.map(({ name, file }) => readSummary(name, file)))
  return summaries.flatMap((summary) => summary ?? []).toSorted((a, b) => b.savedAt - a.savedAt)
}

async function readSummary(name: string, file: File): Promise<StoredSoftTargets | undefined> {
  const end = findHeaderEnd(new Uint8Array(await file.slice(0, SOFT_TARGET_PREAMBLE).arrayBuffer()))
  const header =
    end === undefined
      ? undefined
      : readSoftTargetHeader(new Uint8Array(await file.slice(0, end).arrayBuffer()))
  if (!header) return undefined
  const { topK, temperature, tokenizer, hidden, teacher } = header
  const chatFormat = header.chatFormat === undefined ? undefined : findChatFormat(header.chatFormat)
  const fingerprint = teacher?.fingerprint ?? name.split('-')[1] ?? ''
  const vocabulary = crc32(new TextEncoder().encode(tokenizer.json)).toString(16)
  return {
    file: name,
    ...(teacher ? { name: teacher.name } : {}),
    fingerprint,
    ...(chatFormat === undefined ? {} : { chatFormat }),
    topK,
    temperature,
    ...(hidden ? { hiddenWidth: hidden.width } : {}),
    vocabulary,
    bytes: file.size,
    savedAt: file.lastModified,
  }
}
