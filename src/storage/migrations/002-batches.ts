// Knows: the store of batch sizes measured on this machine.
import { atOnce } from './migration.ts'

export const batches = atOnce((database) => {
  database.createObjectStore('batches', { keyPath: ['fingerprint', 'device'] })
})
