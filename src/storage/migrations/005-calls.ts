// Knows: the stores of the journal: replies of calls by their address in a project, and which runs use them.
import { atOnce } from './migration.ts'

export const callStores = atOnce((database) => {
  database.createObjectStore('calls', { keyPath: ['projectId', 'key'] })
  const uses = database.createObjectStore('callUses', { keyPath: ['projectId', 'key', 'user'] })
  uses.createIndex('ofUser', ['projectId', 'user'])
})
