// Knows: the store of column mappings, by the form of the files they are for; and the store of files, for browsers without a file system.
import type { Migration } from './migration.ts'

export const newStores: Migration = (database) => {
  database.createObjectStore('columnMappings', { keyPath: 'form' })
  database.createObjectStore('files', { keyPath: 'path' })
}
