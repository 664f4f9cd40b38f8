// Knows: the steps from an empty database to today's, in order. A step that has been released never changes: add one.
import { first } from './001-first.ts'
import { batches } from './002-batches.ts'
import { renameFields } from './003-field-names.ts'
import { newStores } from './004-new-stores.ts'
import { callStores } from './005-calls.ts'
import { listVerdicts } from './006-verdicts-by-step.ts'
import type { Migration } from './migration.ts'

/** The database's version is the number of steps. */
export const MIGRATIONS: readonly Migration[] = [
  first,
  batches,
  renameFields,
  newStores,
  callStores,
  listVerdicts,
]

/** Takes every step after `from`. A failing step aborts the upgrade and leaves the old database as it was. */
export function migrate(
  database: IDBDatabase,
  transaction: IDBTransaction,
  from: number,
  steps: readonly Migration[] = MIGRATIONS,
): void {
  const [step, ...later] = steps.slice(from)
  try {
    step?.(database, transaction, () => migrate(database, transaction, 0, later))
  } catch (thrown) {
    // Outside the first event a thrown error would only be reported.
    transaction.abort()
    throw thrown
  }
}
