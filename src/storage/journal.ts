// Knows: which units of a run are done, if no other record shows that.
import type { ProjectId, RunId } from '../domain/id.ts'
import type { Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'

export async function markDone(db: Database, projectId: ProjectId, runId: RunId, key: string): Promise<void> {
  await writeInProject(db, projectId, ['journal'], (transaction) =>
    transaction.objectStore('journal').put({ projectId, runId, key }),
  )
}

export async function isDone(
  db: Database,
  projectId: ProjectId,
  runId: RunId,
  key: string,
): Promise<boolean> {
  return (await db.count('journal', [projectId, runId, key])) > 0
}

/** Keys of all finished units. */
export async function listDone(db: Database, projectId: ProjectId, runId: RunId): Promise<Set<string>> {
  return new Set((await db.getAll('journal', within(projectId, runId))).map(({ key }) => key))
}
