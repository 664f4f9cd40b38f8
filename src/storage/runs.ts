// Knows: runs in storage.
import type { ProjectId, RunId } from '../domain/id.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { Row } from '../domain/row.ts'
import type { Run } from '../domain/run.ts'
import { RELAXED, type Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'
import type { JournalEntry } from './schema.ts'

/** A run with everything that belongs to it alone. Datasets have copies of their rows. */
export interface RunContents {
  readonly run: Run
  readonly prompts: readonly Prompt[]
  readonly rows: readonly Row[]
  readonly journal: readonly JournalEntry[]
}

export async function putRun(db: Database, run: Run): Promise<void> {
  await writeInProject(db, run.projectId, ['runs'], (transaction) => transaction.objectStore('runs').put(run))
}

export const getRun = (db: Database, projectId: ProjectId, id: RunId): Promise<Run | undefined> =>
  db.get('runs', [projectId, id])

/** The newest first. */
export async function listRuns(db: Database, projectId: ProjectId): Promise<Run[]> {
  return (await db.getAll('runs', within(projectId))).toSorted((a, b) => b.startedAt - a.startedAt)
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

/** Deletes a run with its prompts, rows and journal, all or nothing, and returns them; undefined if there is no such run. */
export async function takeRun(
  db: Database,
  projectId: ProjectId,
  id: RunId,
): Promise<RunContents | undefined> {
  return writeInProject(db, projectId, ['runs', 'prompts', 'rows', 'journal'], async (transaction) => {
    const [runs, prompts, rows, journal] = [
      transaction.objectStore('runs'),
      transaction.objectStore('prompts'),
      transaction.objectStore('rows'),
      transaction.objectStore('journal'),
    ]
    const inRun = within(projectId, id)
    const [run, itsPrompts, itsRows, itsJournal] = await Promise.all([
      runs.get([projectId, id]),
      prompts.index('inRun').getAll(inRun),
      rows.index('inRun').getAll(inRun),
      journal.getAll(inRun),
    ])
    if (run === undefined) return undefined
    await Promise.all([
      runs.delete([projectId, id]),
      ...itsPrompts.map(async (prompt) => prompts.delete([projectId, prompt.id])),
      ...itsRows.map(async (row) => rows.delete([projectId, row.id])),
      journal.delete(inRun),
    ])
    return { run, prompts: itsPrompts, rows: itsRows, journal: itsJournal }
  })
}

/** Stores a deleted run again, all or nothing. */
export async function putRunContents(
  db: Database,
  { run, prompts, rows, journal }: RunContents,
): Promise<void> {
  await writeInProject(
    db,
    run.projectId,
    ['runs', 'prompts', 'rows', 'journal'],
    (transaction) =>
      Promise.all([
        transaction.objectStore('runs').put(run),
        ...prompts.map(async (prompt) => transaction.objectStore('prompts').put(prompt)),
        ...rows.map(async (row) => transaction.objectStore('rows').put(row)),
        ...journal.map(async (entry) => transaction.objectStore('journal').put(entry)),
      ]),
    RELAXED,
  )
}
