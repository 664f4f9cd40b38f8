// Knows: a run's rows in storage.
import type { ProjectId, RowId, RunId } from '../domain/id.ts'
import type { Row, RowStatus } from '../domain/row.ts'
import { readScores } from '../domain/verdict.ts'
import { requestInParts } from './parts.ts'
import { putCalls, type CallWrites } from './calls.ts'
import { RELAXED, type Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'
import { transact } from './transactions.ts'

/** Stores rows of one project in one transaction: all or none. */
export async function putRows(db: Database, rows: readonly Row[]): Promise<void> {
  const [first] = rows
  if (first !== undefined) await writeRows(db, first.projectId, rows, new Map())
}

export const getRow = (db: Database, projectId: ProjectId, id: RowId): Promise<Row | undefined> =>
  db.get('rows', [projectId, id])

/** In the run's order, for runs that fit in memory; `eachRow` reads runs of any size. */
export const listRows = (db: Database, projectId: ProjectId, runId: RunId): Promise<Row[]> =>
  db.getAllFromIndex('rows', 'inRun', within(projectId, runId))

/** All rows of a run in order, in pages: what one takes to arrive is one task of the page's thread. */
export async function* eachRow(
  db: Database,
  projectId: ProjectId,
  runId: RunId,
  pageSize = 500,
): AsyncGenerator<readonly Row[]> {
  for (let range = within(projectId, runId); ;) {
    const page = await db.getAllFromIndex('rows', 'inRun', range, pageSize)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    if (page.length < pageSize) return
    range = IDBKeyRange.bound([projectId, runId, last.order], [projectId, runId, []], true)
  }
}

export const countRows = (
  db: Database,
  projectId: ProjectId,
  runId: RunId,
  status?: RowStatus,
): Promise<number> =>
  status === undefined
    ? db.countFromIndex('rows', 'inRun', within(projectId, runId))
    : db.countFromIndex('rows', 'byStatus', [projectId, runId, status])

/** The rows with these ids that exist, in the order of the ids. */
export async function readRows(db: Database, projectId: ProjectId, ids: readonly RowId[]): Promise<Row[]> {
  const found = await transact(db, ['rows'], 'readonly', ({ store }) =>
    requestInParts(ids, async (id) => store.get([projectId, id])),
  )
  return found.filter((row) => row !== undefined)
}

/** Changes one row in one transaction. Throws a RangeError if there is none. */
export async function updateRow(
  db: Database,
  projectId: ProjectId,
  id: RowId,
  change: (row: Row) => Row,
): Promise<Row> {
  return writeInProject(db, projectId, ['rows'], async (transaction) => {
    const store = transaction.objectStore('rows')
    const row = await store.get([projectId, id])
    if (row === undefined) throw new RangeError(`no row ${id}`)
    const changed = change(row)
    await store.put(changed)
    return changed
  })
}

/** Stores new rows, changes stored ones and stores replies in one transaction: all or none. Returns the changed rows; ids without a row are skipped. Throws `StorageFailed` if the project is gone. */
export async function writeRows(
  db: Database,
  projectId: ProjectId,
  put: readonly Row[],
  changes: ReadonlyMap<RowId, (row: Row) => Row>,
  calls?: CallWrites,
): Promise<Row[]> {
  return writeInProject(
    db,
    projectId,
    ['rows', 'calls', 'callUses'],
    async (transaction) => {
      if (calls) await putCalls(transaction, projectId, calls)
      const store = transaction.objectStore('rows')
      const stored = await requestInParts(changes.keys(), async (id) => store.get([projectId, id]))
      const changed = [...changes.values()].flatMap((change, i) => {
        const row = stored[i]
        return row === undefined ? [] : [change(row)]
      })
      await requestInParts(put, async (row) => store.put(row))
      await requestInParts(changed, async (row) => store.put(row))
      return changed
    },
    RELAXED,
  )
}

/** Rows of a run that a step dropped after the judge had scored them, in order. */
export async function listDroppedWithScore(db: Database, projectId: ProjectId, runId: RunId): Promise<Row[]> {
  const found: Row[] = []
  for await (const page of eachRow(db, projectId, runId))
    found.push(
      ...page.filter(({ status, verdicts = [] }) => status === 'dropped' && readScores(verdicts).length > 0),
    )
  return found
}
