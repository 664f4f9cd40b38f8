// Knows: what the table of 100,000 rows holds in memory: the head of each row, not the row.
import type { ProjectId, RowId, RunId } from '../domain/id.ts'
import { effectiveText, type Row, type RowStatus } from '../domain/row.ts'
import type { Database } from './database.ts'
import { countRows, eachRow } from './rows.ts'

/** Characters of a text that the table shows and searches. */
const HEAD = 160

export interface RowIndexEntry {
  readonly id: RowId
  readonly order: number
  readonly prompt: string
  readonly completion: string
  /** Judge's expected score; absent where there is no readable verdict. */
  readonly score?: number
  readonly status: RowStatus
  readonly droppedBy?: string
  readonly edited: boolean
}

export function summarizeRow(row: Row): RowIndexEntry {
  const { prompt, completion } = effectiveText(row)
  return {
    id: row.id,
    order: row.order,
    prompt: prompt.slice(0, HEAD),
    completion: completion.slice(0, HEAD),
    ...(row.verdict?.kind === 'score' ? { score: row.verdict.score } : {}),
    status: row.status,
    ...(row.droppedBy === undefined ? {} : { droppedBy: row.droppedBy }),
    edited: row.edit !== undefined,
  }
}

/** The heads of all rows of a run, in order, read in pages; `onProgress` is told the share read, 0 to 1. */
export async function loadRowIndex(
  db: Database,
  projectId: ProjectId,
  runId: RunId,
  onProgress: (share: number) => void = () => undefined,
): Promise<RowIndexEntry[]> {
  const total = await countRows(db, projectId, runId)
  const entries: RowIndexEntry[] = []
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) entries.push(summarizeRow(row))
    onProgress(total === 0 ? 1 : Math.min(1, entries.length / total))
  }
  return entries
}
