// Knows: how a frozen dataset becomes a file.
import { exportRows } from '../../src/pipeline/exporting/index.ts'
import { readId } from '../../src/domain/id.ts'
import type { CorpusContract, NamedBlob } from '../../src/protocol/corpus.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { Database } from '../../src/storage/database.ts'
import { getDataset, listDatasetRows } from '../../src/storage/datasets.ts'

export async function exportDataset(
  db: Database,
  { projectId, datasetId, format }: Parameters<CorpusContract['exportDataset']>[0],
): Promise<NamedBlob> {
  const id = readId('dataset', datasetId)
  const rows = id === undefined ? [] : await listDatasetRows(db, projectId, id)
  if (rows.length === 0)
    throw new RetortError(
      'Unexpected',
      'This dataset is no longer stored. Freeze the run again on the Dataset screen.',
    )
  const { pieces, ending, mime } = exportRows(
    rows,
    format,
    (id && (await getDataset(db, projectId, id))) ?? {},
  )
  return { name: `${format}${ending}`, mime, blob: new Blob(encodeChunks(pieces), { type: mime }) }
}

/** Characters of a chunk. */
const CHUNK = 1024 * 1024

/** The pieces as UTF-8 in chunks: a blob of chunks has no limit that memory does not set. */
function encodeChunks(pieces: Iterable<string>): Uint8Array<ArrayBuffer>[] {
  const encoder = new TextEncoder()
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let waiting: string[] = []
  let length = 0
  const flush = (): void => {
    chunks.push(encoder.encode(waiting.join('')))
    waiting = []
    length = 0
  }
  for (const piece of pieces) {
    waiting.push(piece)
    length += piece.length
    if (length >= CHUNK) flush()
  }
  flush()
  return chunks
}
