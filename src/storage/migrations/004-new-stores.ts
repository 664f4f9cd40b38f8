// Knows: the store of column mappings, by the form of the files they are for.
import type { Migration } from './migration.ts'

export const newStores: Migration = (database) => {
  database.createObjectStore('columnMappings', { keyPath: 'form' })
}
