// Knows: that records are written only into projects that exist: work that continues after its project was deleted ends.
// Must not know: what the records mean.
import type { IDBPTransaction, StoreNames } from 'idb'
import { RetortError } from '../protocol/errors.ts'
import type { ProjectId } from '../domain/id.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'
import { transact } from './transactions.ts'

/** Thrown where a project is needed that is no longer stored. */
export const projectIsGone = (): RetortError =>
  new RetortError(
    'StorageFailed',
    'This project is no longer stored; perhaps it was deleted in another tab. Open or create another one.',
  )

/** Throws `StorageFailed` if the project is no longer stored: before files are written for it. */
export async function requireProject(db: Database, projectId: ProjectId): Promise<void> {
  if ((await db.count('projects', projectId)) === 0) throw projectIsGone()
}

/** Writes in one transaction, all or nothing, into a project; throws `StorageFailed` if it is no longer stored. */
export async function writeInProject<const Names extends readonly StoreNames<Schema>[], T>(
  db: Database,
  projectId: ProjectId,
  names: Names,
  work: (transaction: IDBPTransaction<Schema, [...Names, 'projects'], 'readwrite'>) => Promise<T>,
  options?: IDBTransactionOptions,
): Promise<T> {
  const all: [...Names, 'projects'] = [...names, 'projects']
  return transact(
    db,
    all,
    'readwrite',
    async (transaction) => {
      const projects = transaction.objectStore('projects')
      if ((await projects.count(projectId)) === 0) throw projectIsGone()
      return work(transaction)
    },
    options,
    names,
  )
}
