// Knows: locks between tabs: two tabs do not do the same work at once, and the second one learns which tab does it.

export type LockOutcome<T> =
  | { readonly held: true; readonly value: T }
  | { readonly held: false; readonly holder: string }

/**
 * Does the work while holding the lock, or returns who holds it. The holder's note is itself the name of a second lock,
 * so it vanishes with the tab, however the tab ends. Without Web Locks in the browser the work is done unguarded.
 */
export async function withLock<T>(
  name: string,
  holderNote: string,
  work: () => Promise<T>,
  locks: LockManager | undefined = globalThis.navigator?.locks,
): Promise<LockOutcome<T>> {
  if (locks === undefined) return { held: true, value: await work() }
  const mark = `${name}#`
  return locks.request(name, { ifAvailable: true }, async (lock): Promise<LockOutcome<T>> => {
    if (lock === null) {
      const held = (await locks.query()).held ?? []
      const note = held.find((other) => other.name?.startsWith(mark))?.name?.slice(mark.length)
      return { held: false, holder: note ?? 'another tab' }
    }
    // Only its name is read, by other tabs. Shared, so that it never waits.
    return locks.request(`${mark}${holderNote}`, { mode: 'shared' }, async (): Promise<LockOutcome<T>> => ({
      held: true,
      value: await work(),
    }))
  })
}
