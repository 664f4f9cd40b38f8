// Knows: how several writes become one: all of them or none.
// Must not know: which stores there are.

/** What is needed of idb's transactions. */
interface Transaction {
  readonly done: Promise<void>
  abort(): void
}

/**
 * Does the work and waits until all of its writes are stored. When the work throws, or any write is refused, nothing of it is stored.
 * IndexedDB alone would keep the writes asked for before a throw: only a refused write undoes a transaction by itself.
 * Many writes at once are asked for in `async` functions, so that one refused at once is a rejection like the others'.
 */
export async function allOrNone<T>(transaction: Transaction, work: () => Promise<T>): Promise<T> {
  try {
    const value = await work()
    await transaction.done
    return value
  } catch (thrown) {
    transaction.done.catch(() => undefined) // the work's own error says more
    try {
      transaction.abort()
    } catch {
      // It has ended already: a refused write undid it.
    }
    throw thrown
  }
}
