// Knows: how several writes become atomic: all of them or none.
// Must not know: which stores there are.
import type { IDBPTransaction, StoreNames } from 'idb'
import { reportChange } from './changes.ts'
import { repeatIfLost } from './connection.ts'
import type { Database } from './database.ts'
import { databaseInTime } from './response-limit.ts'
import type { Schema } from './schema.ts'

/** The part of idb's transactions that is used. */
interface Transaction {
  readonly done: Promise<void>
  abort(): void
}

/**
 * Does the work and waits until all of its writes are stored. If the work throws, or any write fails, nothing is stored.
 * IndexedDB alone would commit the writes requested before a throw: only a failed write aborts a transaction by itself.
 * Several writes at once are requested in `async` functions, so that one that throws synchronously is a rejection like the others.
 */
async function allOrNone<T>(transaction: Transaction, work: () => Promise<T>): Promise<T> {
  try {
    const value = await work()
    await transaction.done
    return value
  } catch (thrown) {
    transaction.done.catch(() => undefined) // the work's own error is more informative
    abort(transaction)
    throw thrown
  }
}

function abort(transaction: Transaction): void {
  try {
    transaction.abort()
  } catch {
    // It has ended already: a failed write aborted it.
  }
}

/**
 * Does the work in a transaction on these stores: all of its writes are stored, or none. On a connection that the browser closed it is
 * repeated once, so it must not change anything outside. A change is reported to other tabs, as one of `changed`. Throws `StorageFailed` if
 * the browser does not respond for minutes; nothing of it is stored then.
 */
export async function transact<
  const Names extends readonly StoreNames<Schema>[],
  Mode extends 'readonly' | 'readwrite',
  T,
>(
  db: Database,
  names: Names,
  mode: Mode,
  work: (transaction: IDBPTransaction<Schema, Names, Mode>) => Promise<T>,
  options?: IDBTransactionOptions,
  changed: readonly string[] = names,
): Promise<T> {
  const value = await repeatIfLost(db, async () => {
    const transaction = db.transaction(names, mode, options)
    return databaseInTime(
      () => allOrNone(transaction, () => work(transaction)),
      () => abort(transaction),
    )
  })
  if (mode === 'readwrite') reportChange(db, changed)
  return value
}
