// Knows: the store of batch sizes measured on this machine.
import type { Migration } from './migration.ts'

export const batches: Migration = (database) => {
  database.createObjectStore('batches', { keyPath: ['fingerprint', 'device'] })
}
