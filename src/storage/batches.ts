// Knows: what was measured of models on this machine, in storage: it belongs to no project and goes into no project file.
import type { MeasuredBatch } from '../domain/measured-batch.ts'
import type { Database } from './database.ts'

export const getBatch = (
  db: Database,
  fingerprint: string,
  device: string,
): Promise<MeasuredBatch | undefined> => db.get('batches', [fingerprint, device])

export async function putBatch(db: Database, measured: MeasuredBatch): Promise<void> {
  await db.put('batches', measured)
}
