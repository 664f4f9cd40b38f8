// Knows: locks between tabs: two tabs do not do the same work at once, and the second one learns which tab does it.
import type { ProjectId, RunId } from '../domain/id.ts'

export type LockOutcome<T> =
  | { readonly held: true; readonly value: T }
  | { readonly held: false; readonly holder: string }

/** Held while a student of the project is trained. */
export const trainingLock = (projectId: ProjectId): string => `retort training ${projectId}`
/** Held by the tab that offers to undo the deletion of the project or run, which is not deleted before that tab is gone. */
export const deletionLock = (id: ProjectId | RunId): string => `retort deleting ${id}`
/** Held while records or files are stored before the project that they belong to. */
export const STORING_LOCK = 'retort open project'

const thisBrowsers = (): LockManager | undefined => globalThis.navigator?.locks

/**
 * Does the work while holding the lock, or returns who holds it. The holder's note is itself the name of a second lock,
 * so it vanishes with the tab, however the tab ends. Without Web Locks in the browser the work is done unguarded.
 */
export async function withLock<T>(
  name: string,
  holderNote: string,
  work: () => Promise<T>,
  locks: LockManager | undefined = thisBrowsers(),
): Promise<LockOutcome<T>> {
  if (locks === undefined) return { held: true, value: await work() }
  return locks.request(name, { ifAvailable: true }, async (lock): Promise<LockOutcome<T>> => {
    if (lock === null) return { held: false, holder: (await findHolder(name, locks)) ?? 'another tab' }
    // Only its name is read, by other tabs. Shared, so that it never waits.
    return locks.request(`${name}#${holderNote}`, { mode: 'shared' }, async (): Promise<LockOutcome<T>> => ({
      held: true,
      value: await work(),
    }))
  })
}

/** Waits for the lock, then does the work while holding it; rejects with an AbortError if `signal` aborts before. */
export const whenLocked = async <T>(
  name: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
  locks: LockManager | undefined = thisBrowsers(),
): Promise<T> => (locks === undefined ? work() : locks.request(name, signal ? { signal } : {}, work))

/** Takes the lock until the returned function is called or the tab is gone; undefined if it is held. */
export async function holdLock(
  name: string,
  locks: LockManager | undefined = thisBrowsers(),
): Promise<(() => void) | undefined> {
  if (locks === undefined) return () => undefined
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(undefined)
        return new Promise<void>((release) => resolve(release))
      })
      .catch(reject)
  })
}

/** The note of the tab that holds the lock; undefined if none does, and without Web Locks. */
export async function findHolder(
  name: string,
  locks: LockManager | undefined = thisBrowsers(),
): Promise<string | undefined> {
  const held = (await locks?.query())?.held ?? []
  if (!held.some((lock) => lock.name === name)) return undefined
  const mark = `${name}#`
  return held.find((lock) => lock.name?.startsWith(mark))?.name?.slice(mark.length) ?? 'another tab'
}

/** Resolves once nobody holds the lock; rejects with an AbortError if `signal` aborts before. */
export async function whenFree(
  name: string,
  signal: AbortSignal,
  locks: LockManager | undefined = thisBrowsers(),
): Promise<void> {
  await locks?.request(name, { mode: 'shared', signal }, () => undefined)
}
