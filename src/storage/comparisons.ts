// Knows: comparisons in storage.
import type { Comparison } from '../domain/comparison.ts'
import type { ProjectId } from '../domain/id.ts'
import type { Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'

export async function putComparison(db: Database, comparison: Comparison): Promise<void> {
  await writeInProject(db, comparison.projectId, ['comparisons'], (transaction) =>
    transaction.objectStore('comparisons').put(comparison),
  )
}

/** The newest first. */
export async function listComparisons(db: Database, projectId: ProjectId): Promise<Comparison[]> {
  return (await db.getAll('comparisons', within(projectId))).toSorted((a, b) => b.comparedAt - a.comparedAt)
}
