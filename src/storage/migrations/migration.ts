// Knows: what one step from a version of the database to the next is.

/**
 * One step, inside the upgrade transaction. It may change stores and, through the transaction, their records. It calls `next` once, when
 * the next step may begin: two steps that walk through the same records must not overtake each other.
 */
export type Migration = (database: IDBDatabase, transaction: IDBTransaction, next: () => void) => void

/** A step that creates stores only. */
export const atOnce =
  (step: (database: IDBDatabase) => void): Migration =>
  (database, _transaction, next) => {
    step(database)
    next()
  }

/** Changes every record of a store, one in memory at a time. An equal object is not written. */
export function changeRecords(
  store: IDBObjectStore,
  change: (record: unknown) => unknown,
  next: () => void,
): void {
  const walk = store.openCursor()
  walk.onsuccess = () => {
    const cursor = walk.result
    if (cursor === null) return next()
    const before: unknown = cursor.value
    const after = change(before)
    if (after !== before) cursor.update(after)
    cursor.continue()
  }
}
