// Knows: how a frozen dataset becomes a file.
import { exportRows } from '../../src/pipeline/exporting/index.ts'
import { readId } from '../../src/domain/id.ts'
import { Transferred } from '../../src/protocol/contract.ts'
import type { CorpusContract, NamedFile } from '../../src/protocol/corpus.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'

export async function exportDataset(
  db: Database,
  { projectId, datasetId, format }: Parameters<CorpusContract['exportDataset']>[0],
): Promise<Transferred<NamedFile>> {
  const id = readId('dataset', datasetId)
  const rows = id === undefined ? [] : await listDatasetRows(db, projectId, id)
  if (rows.length === 0)
    throw new RetortError(
      'Unexpected',
      'This dataset is no longer stored. Freeze the run again on the Dataset screen.',
    )
  const { text, ending, mime } = exportRows(rows, format)
  const bytes = new TextEncoder().encode(text)
  return new Transferred({ name: `${format}${ending}`, mime, bytes }, [bytes.buffer])
}
