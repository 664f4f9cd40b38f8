// Knows: what one step from a version of the database to the next is.

/** One step, inside the upgrade transaction. It may change stores and, through the transaction, their records. */
export type Migration = (database: IDBDatabase, transaction: IDBTransaction) => void
