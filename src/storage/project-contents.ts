// Knows: how all records of a project are read and written store by store, and how records without a project are removed.
// Must not know: what the records mean, and files.
import type { ProjectId } from '../domain/id.ts'
import { RELAXED, type Database } from './database.ts'
import { within } from './ranges.ts'
import { DERIVED_STORES, PROJECT_STORES, type ProjectStore, type Schema } from './schema.ts'
import { transact } from './transactions.ts'

export type RecordOf<Store extends ProjectStore> = Schema[Store]['value']

/** Records of a page. A transaction reads one page at a time, so that a large project never fills the memory. */
const PAGE = 1000

/** All records of a project in a store, in the order of their keys, in pages. */
export async function* eachRecord<Store extends ProjectStore>(
  db: Database,
  store: Store,
  projectId: ProjectId,
): AsyncGenerator<readonly RecordOf<Store>[]> {
  for (let range = within(projectId); ;) {
    const current = range
    const [page, keys] = await transact(db, [store], 'readonly', (transaction) => {
      const records = transaction.objectStore(store)
      return Promise.all([records.getAll(current, PAGE), records.getAllKeys(current, PAGE)])
    })
    const last = keys.at(-1)
    if (last === undefined) return
    yield page
    if (page.length < PAGE) return
    range = IDBKeyRange.bound(last, [projectId, []], true)
  }
}

/** Number of a project's records in all stores. */
export async function countRecords(db: Database, projectId: ProjectId): Promise<number> {
  const counts = await Promise.all(PROJECT_STORES.map((store) => db.count(store, within(projectId))))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Writes records of one store in one transaction, before or after their project: all or none. */
export async function putRecords<Store extends ProjectStore>(
  db: Database,
  store: Store,
  records: readonly RecordOf<Store>[],
): Promise<void> {
  await transact(
    db,
    [store],
    'readwrite',
    (transaction) => {
      const target = transaction.objectStore(store)
      return Promise.all(records.map(async (record) => target.put(record)))
    },
    RELAXED,
  )
}

/**
 * Deletes the records whose project does not exist: left by an interrupted opening of a project file, or by work that continued after
 * its project was deleted. Returns the ids of those projects.
 */
export async function removeOrphans(db: Database): Promise<ProjectId[]> {
  return transact(
    db,
    ['projects', ...PROJECT_STORES, ...DERIVED_STORES],
    'readwrite',
    async (transaction) => {
      const known = new Set<string>(await transaction.objectStore('projects').getAllKeys())
      const orphans = new Set<ProjectId>()
      for (const name of [...PROJECT_STORES, ...DERIVED_STORES]) {
        const store = transaction.objectStore(name)
        // One cursor per project: [projectId, []] sorts after every key of a project.
        for (let cursor = await store.openCursor(); cursor !== null;) {
          const { projectId } = cursor.value
          if (!known.has(projectId)) {
            orphans.add(projectId)
            await store.delete(within(projectId))
          }
          cursor = await store.openCursor(IDBKeyRange.lowerBound([projectId, []], true))
        }
      }
      return [...orphans]
    },
  )
}
