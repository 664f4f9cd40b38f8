// Knows: runs in storage.
import type { ProjectId, RunId } from '../domain/id.ts'
import type { Run } from '../domain/run.ts'
import type { Database } from './database.ts'
import { within } from './ranges.ts'
import { allOrNone } from './transactions.ts'

export async function putRun(db: Database, run: Run): Promise<void> {
  await db.put('runs', run)
}

export const getRun = (db: Database, projectId: ProjectId, id: RunId): Promise<Run | undefined> =>
  db.get('runs', [projectId, id])

/** The newest first. */
export async function listRuns(db: Database, projectId: ProjectId): Promise<Run[]> {
  return (await db.getAll('runs', within(projectId))).toSorted((a, b) => b.startedAt - a.startedAt)
}

/** Changes fields of a stored run in one transaction. Throws a RangeError if there is no such run. */
export async function patchRun(
  db: Database,
  projectId: ProjectId,
  id: RunId,
  patch: Partial<Omit<Run, 'projectId' | 'id'>>,
): Promise<Run> {
  const transaction = db.transaction('runs', 'readwrite')
  return allOrNone(transaction, async () => {
    const run = await transaction.store.get([projectId, id])
    if (run === undefined) throw new RangeError(`no run ${id}`)
    const changed: Run = { ...run, ...patch }
    await transaction.store.put(changed)
    return changed
  })
}
