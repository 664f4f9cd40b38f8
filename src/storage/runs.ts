// Knows: runs in storage.
import type { ProjectId, RunId } from '../domain/id.ts'
import type { Run } from '../domain/run.ts'
import type { Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'

export async function putRun(db: Database, run: Run): Promise<void> {
  await writeInProject(db, run.projectId, ['runs'], (transaction) => transaction.objectStore('runs').put(run))
}

export const getRun = (db: Database, projectId: ProjectId, id: RunId): Promise<Run | undefined> =>
  db.get('runs', [projectId, id])

/** The newest first, without those that were deleted and can still be restored. */
export const listRuns = async (db: Database, projectId: ProjectId): Promise<Run[]> =>
  (await readRuns(db, projectId)).listed

/** Runs as listed, the newest first, and the ids of those that were deleted and can still be restored. */
export async function readRuns(
  db: Database,
  projectId: ProjectId,
): Promise<{ readonly listed: Run[]; readonly deleted: readonly RunId[] }> {
  const all = await db.getAll('runs', within(projectId))
  return {
    listed: all
      .filter(({ deletedAt }) => deletedAt === undefined)
      .toSorted((a, b) => b.startedAt - a.startedAt),
    deleted: all.flatMap(({ id, deletedAt }) => (deletedAt === undefined ? [] : id)),
  }
}

/** Changes fields of a stored run in one transaction. Throws `StorageFailed` if its project is gone, a RangeError if there is no such run. */
export async function patchRun(
  db: Database,
  projectId: ProjectId,
  id: RunId,
  patch: Partial<Omit<Run, 'projectId' | 'id'>>,
): Promise<Run> {
  return writeInProject(db, projectId, ['runs'], async (transaction) => {
    const store = transaction.objectStore('runs')
    const run = await store.get([projectId, id])
    if (run === undefined) throw new RangeError(`no run ${id}`)
    const changed: Run = { ...run, ...patch }
    await store.put(changed)
    return changed
  })
}

/** Marks a run as deleted; false if there is none, or it is marked already. */
export const hideRun = (db: Database, projectId: ProjectId, id: RunId, deletedAt: number): Promise<boolean> =>
  writeInProject(db, projectId, ['runs'], async (transaction) => {
    const store = transaction.objectStore('runs')
    const run = await store.get([projectId, id])
    if (run === undefined || run.deletedAt !== undefined) return false
    await store.put({ ...run, deletedAt })
    return true
  })

/** Takes the mark of a deletion off; false if there is no such run. */
export const showRun = (db: Database, projectId: ProjectId, id: RunId): Promise<boolean> =>
  writeInProject(db, projectId, ['runs'], async (transaction) => {
    const store = transaction.objectStore('runs')
    const run = await store.get([projectId, id])
    if (run === undefined) return false
    const { deletedAt: _, ...shown } = run
    await store.put(shown)
    return true
  })

/** Deletes a run that is marked as deleted with its prompts, rows, preferences and journal, all or nothing; any other run stays. */
export async function removeRun(db: Database, projectId: ProjectId, id: RunId): Promise<void> {
  await writeInProject(
    db,
    projectId,
    ['runs', 'prompts', 'rows', 'preferences', 'journal'],
    async (transaction) => {
      const [runs, prompts, rows, preferences, journal] = [
        transaction.objectStore('runs'),
        transaction.objectStore('prompts'),
        transaction.objectStore('rows'),
        transaction.objectStore('preferences'),
        transaction.objectStore('journal'),
      ]
      if ((await runs.get([projectId, id]))?.deletedAt === undefined) return
      const inRun = within(projectId, id)
      // Keys only: the rows themselves may not fit into the memory.
      const [itsPrompts, itsRows, itsPreferences] = await Promise.all([
        prompts.index('inRun').getAllKeys(inRun),
        rows.index('inRun').getAllKeys(inRun),
        preferences.index('ofStep').getAllKeys(inRun),
      ])
      await Promise.all([
        runs.delete([projectId, id]),
        ...itsPrompts.map(async (key) => prompts.delete(key)),
        ...itsRows.map(async (key) => rows.delete(key)),
        ...itsPreferences.map(async (key) => preferences.delete(key)),
        journal.delete(inRun),
      ])
    },
  )
}
