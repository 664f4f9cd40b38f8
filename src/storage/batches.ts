// Knows: measured batch sizes of models on this machine in storage: they belong to no project and are not in project files.
import type { MeasuredBatch } from '../domain/measured-batch.ts'
import type { Database } from './database.ts'
import { within } from './ranges.ts'

export const getBatchSize = (
  db: Database,
  fingerprint: string,
  device: string,
): Promise<MeasuredBatch | undefined> => db.get('batches', [fingerprint, device])

export async function putBatchSize(db: Database, measured: MeasuredBatch): Promise<void> {
  await db.put('batches', measured)
}

/** The measurements of a model, on every device of this machine. */
export const listBatchSizes = (db: Database, fingerprint: string): Promise<MeasuredBatch[]> =>
  db.getAll('batches', within(fingerprint))

export async function deleteBatchSize(
  db: Database,
  { fingerprint, device }: Pick<MeasuredBatch, 'fingerprint' | 'device'>,
): Promise<void> {
  await db.delete('batches', [fingerprint, device])
}
