// Knows: a run's judged comparisons of completions in storage.
import type { ProjectId, RunId } from '../domain/id.ts'
import type { Preference } from '../domain/preference.ts'
import { RELAXED, type Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'

/** Stores preferences of one project in one transaction: all or none. */
export async function putPreferences(db: Database, preferences: readonly Preference[]): Promise<void> {
  const [first] = preferences
  if (first === undefined) return
  await writeInProject(
    db,
    first.projectId,
    ['preferences'],
    async (transaction) => {
      const store = transaction.objectStore('preferences')
      await Promise.all(preferences.map(async (preference) => store.put(preference)))
    },
    RELAXED,
  )
}

/** Those of a run, in the order of the steps. */
export const listPreferences = (db: Database, projectId: ProjectId, runId: RunId): Promise<Preference[]> =>
  db.getAllFromIndex('preferences', 'ofStep', within(projectId, runId))
