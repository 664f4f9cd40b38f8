// Knows: how the database is opened, upgraded and closed.
// Must not know: what its records mean.
import { openDB, unwrap, type IDBPDatabase } from 'idb'
import { SilenceTimer } from '../domain/time-limit.ts'
import { RetortError } from '../protocol/errors.ts'
import { keepConnected } from './connection.ts'
import { migrate, MIGRATIONS } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { OPEN_LIMIT } from './response-limit.ts'
import type { Schema } from './schema.ts'

export type Database = IDBPDatabase<Schema>

/** Relaxed durability: a crash of the machine, not of the tab, may lose the last writes; batches are several times faster. */
export const RELAXED: IDBTransactionOptions = { durability: 'relaxed' }

/**
 * Opens the database, upgrading an older one. Throws `StorageFailed` with a sentence if the browser has no IndexedDB or does not respond,
 * if another tab has an older version open, and if the stored version is newer than this page. The connection is opened again when
 * the browser closes it.
 */
export async function openDatabase(
  name = 'retort',
  steps: readonly Migration[] = MIGRATIONS,
): Promise<Database> {
  const open = (): Promise<Database> => openConnection(name, steps)
  return keepConnected(await open(), open)
}

async function openConnection(name: string, steps: readonly Migration[]): Promise<Database> {
  if (!('indexedDB' in globalThis))
    throw new RetortError(
      'StorageFailed',
      'This browser gives the page no storage (IndexedDB). Leave private browsing or allow site data, then open the page again.',
    )
  let blocked: (() => void) | undefined
  let watch: SilenceTimer | undefined
  const blocking = new Promise<never>((_resolve, reject) => {
    blocked = () =>
      reject(
        new RetortError(
          'StorageFailed',
          'An older version of this page is open in another tab. Close it, then open this page again.',
        ),
      )
    watch = new SilenceTimer(OPEN_LIMIT, () =>
      reject(
        new RetortError(
          'StorageFailed',
          `The browser’s storage did not open within ${OPEN_LIMIT / 1000} seconds. What is stored stays as it is. Close other tabs of this page and reload it; if that changes nothing, restart the browser.`,
        ),
      ),
    )
  })
  let failed: unknown
  // In a function of its own: where site data is blocked, opening throws at once.
  const open = async () =>
    openDB<Schema>(name, steps.length, {
      upgrade: (database, from, _to, transaction) => {
        watch?.end() // an upgrade takes as long as there are records
        transaction.done.catch(() => undefined) // opening rejects with the same error
        try {
          migrate(unwrap(database), unwrap(transaction), from, steps)
        } catch (thrown) {
          failed = thrown
          transaction.abort()
        }
      },
      blocked: () => blocked?.(),
      // A newer page needs to upgrade: close for it. The next use here opens it again, which fails with a sentence.
      blocking: (_current, _blocked, event) => {
        if (event.target instanceof IDBDatabase) event.target.close()
      },
    })
  const opening = open()
  try {
    return await Promise.race([opening, blocking])
  } catch (refused) {
    const thrown = failed ?? refused
    opening.then(
      (database) => database.close(),
      () => undefined,
    )
    if (thrown instanceof RetortError) throw thrown
    if (thrown instanceof DOMException && thrown.name === 'VersionError')
      throw new RetortError(
        'StorageFailed',
        'The stored data was written by a newer version of this page. Close the other tabs that show it and reload to get that version.',
        { cause: thrown },
      )
    const detail = thrown instanceof Error ? thrown.message : String(thrown)
    throw new RetortError(
      'StorageFailed',
      `The browser’s storage did not open (${detail}). Leave private browsing or free some disk space, then open the page again.`,
      { cause: thrown },
    )
  } finally {
    watch?.end()
  }
}
