// Knows: the store of what was measured of models on this machine.
import type { Migration } from './index.ts'

export const batches: Migration = (database) => {
  database.createObjectStore('batches', { keyPath: ['fingerprint', 'device'] })
}
