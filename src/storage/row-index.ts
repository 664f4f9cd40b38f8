// Knows: what the table of 100,000 rows has in memory: a summary of each row, not the row.
import type { ProjectId, RowId, RunId } from '../domain/id.ts'
import { effectiveText, type Row, type RowStatus } from '../domain/row.ts'
import type { Database } from './database.ts'
import { countRows, eachRow } from './rows.ts'

/** Max characters of a text that the table shows and searches. */
const SUMMARY_LENGTH = 160

export interface RowIndexEntry {
  readonly id: RowId
  readonly order: number
  readonly prompt: string
  readonly completion: string
  /** The judge's expected score; absent without a readable verdict. */
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
    prompt: prompt.slice(0, SUMMARY_LENGTH),
    completion: completion.slice(0, SUMMARY_LENGTH),
    ...(row.verdict?.kind === 'score' ? { score: row.verdict.score } : {}),
    status: row.status,
    ...(row.droppedBy === undefined ? {} : { droppedBy: row.droppedBy }),
    edited: row.edit !== undefined,
  }
}

/** The summaries of all rows of a run, in order, read in pages; `onProgress` gets the share read, 0 to 1. */
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
