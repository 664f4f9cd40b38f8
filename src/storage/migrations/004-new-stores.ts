// Knows: the stores of column mappings, by the form of the files they are for; of files, for browsers without a file system; and of
// measured numbers of threads.
import { atOnce } from './migration.ts'

export const newStores = atOnce((database) => {
  database.createObjectStore('columnMappings', { keyPath: 'form' })
  database.createObjectStore('files', { keyPath: 'path' })
  database.createObjectStore('threads', { keyPath: 'device' })
})
