// Knows: projects in storage, and how one is copied or deleted with everything that belongs to it.
import type { ProjectId } from '../domain/id.ts'
import { freshId } from '../domain/id.ts'
import type { Project } from '../domain/project.ts'
import { RELAXED, type Database } from './database.ts'
import { checkpointFiles } from './files.ts'
import { within } from './ranges.ts'
import { DERIVED_STORES, PROJECT_STORES } from './schema.ts'
import { transact } from './transactions.ts'

/** All projects, the most recently changed first. */
export async function listProjects(db: Database): Promise<Project[]> {
  return (await db.getAll('projects')).toSorted((a, b) => b.changedAt - a.changedAt)
}

export const getProject = (db: Database, id: ProjectId): Promise<Project | undefined> =>
  db.get('projects', id)

export async function putProject(db: Database, project: Project): Promise<void> {
  await transact(db, ['projects'], 'readwrite', ({ store }) => store.put(project))
}

/** Deletes the project and all its records, or nothing. Its students' files are deleted by `checkpointFiles`. */
export async function deleteProject(db: Database, id: ProjectId): Promise<void> {
  await transact(db, ['projects', ...PROJECT_STORES, ...DERIVED_STORES], 'readwrite', (transaction) =>
    Promise.all([
      transaction.objectStore('projects').delete(id),
      ...[...PROJECT_STORES, ...DERIVED_STORES].map((store) =>
        transaction.objectStore(store).delete(within(id)),
      ),
    ]),
  )
}

/** Copies a project with all its records and its students' files under a new id: all of it, or nothing. */
export async function duplicateProject(
  db: Database,
  id: ProjectId,
  name: string,
  now: number,
): Promise<Project> {
  const original = await db.get('projects', id)
  if (original === undefined) throw new RangeError(`no project ${id}`)
  const copy: Project = { ...original, id: freshId('project'), name, createdAt: now, changedAt: now }
  try {
    await checkpointFiles.copy(id, copy.id)
    await copyRecords(db, id, copy)
  } catch (thrown) {
    await checkpointFiles.remove(copy.id).catch(() => undefined) // the first error is more informative
    throw thrown
  }
  return copy
}

/** Stores the copy with the records of project `id`, in one transaction. */
const copyRecords = (db: Database, id: ProjectId, copy: Project): Promise<void> =>
  transact(
    db,
    ['projects', ...PROJECT_STORES],
    'readwrite',
    async (transaction) => {
      await transaction.objectStore('projects').put(copy)
      for (const storeName of PROJECT_STORES) {
        const store = transaction.objectStore(storeName)
        // Pages, not a cursor's single steps and not the whole store at once.
        for (let range: IDBKeyRange | undefined = within(id); range !== undefined;) {
          const page: { projectId: ProjectId }[] = await store.getAll(range, 1000)
          const keys = await store.getAllKeys(range, 1000)
          const puts = page.map((record) =>
            (store.put as (value: object) => Promise<unknown>)({ ...record, projectId: copy.id }),
          )
          await Promise.all(puts)
          const last = keys.at(-1)
          range =
            last === undefined || page.length < 1000 ? undefined : IDBKeyRange.bound(last, [id, []], true)
        }
      }
    },
    RELAXED,
  )

/** Deletes all records of all projects. */
export async function deleteEverything(db: Database): Promise<void> {
  await transact(
    db,
    ['projects', 'batches', 'threads', 'columnMappings', 'files', ...PROJECT_STORES, ...DERIVED_STORES],
    'readwrite',
    (transaction) =>
      Promise.all([
        transaction.objectStore('projects').clear(),
        transaction.objectStore('batches').clear(),
        transaction.objectStore('columnMappings').clear(),
        transaction.objectStore('files').clear(),
        transaction.objectStore('threads').clear(),
        ...[...PROJECT_STORES, ...DERIVED_STORES].map((store) => transaction.objectStore(store).clear()),
      ]),
  )
}
