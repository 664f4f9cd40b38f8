// Knows: how several writes become atomic: all of them or none.
// Must not know: which stores there are.

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
export async function allOrNone<T>(transaction: Transaction, work: () => Promise<T>): Promise<T> {
  try {
    const value = await work()
    await transaction.done
    return value
  } catch (thrown) {
    transaction.done.catch(() => undefined) // the work's own error is more informative
    try {
      transaction.abort()
    } catch {
      // It has ended already: a failed write aborted it.
    }
    throw thrown
  }
}
