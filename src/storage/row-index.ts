// Knows: what the table of 100,000 rows has in memory: a summary of each row, not the row.
import type { Fields } from '../domain/fields.ts'
import type { ProjectId, RowId, RunId } from '../domain/id.ts'
import { effectiveScore, effectiveText, effectiveVerdicts, type Row, type RowStatus } from '../domain/row.ts'
import type { Database } from './database.ts'
import { countRows, eachRow } from './rows.ts'

/** Max characters of a text that the table shows and searches. */
const SUMMARY_LENGTH = 160
/** Max characters of a field's value that the table shows. */
const VALUE_LENGTH = 60

export interface RowIndexEntry {
  readonly id: RowId
  readonly order: number
  readonly prompt: string
  readonly completion: string
  /** The judge's expected score of these texts; absent without a readable verdict on them. */
  readonly score?: number
  /** The row was judged before it was edited, and not since. */
  readonly staleVerdict?: true
  readonly status: RowStatus
  readonly droppedBy?: string
  /** Why it was dropped, as the step says it. */
  readonly reason?: string
  readonly edited: boolean
  /** Messages before the prompt. */
  readonly earlier?: number
  /** Beginnings of the fields' values. */
  readonly fields?: Fields
  /** Each readable verdict on these texts by its rubric and judge, if there are several. */
  readonly verdicts?: Readonly<Record<string, number>>
}

/** The readable verdicts of a row by rubric and judge; none for a single one, which the score shows. */
function nameVerdicts(row: Row): Readonly<Record<string, number>> {
  const scored = effectiveVerdicts(row).flatMap(({ verdict }) => (verdict.kind === 'score' ? [verdict] : []))
  return scored.length < 2
    ? {}
    : Object.fromEntries(scored.map(({ rubric, judge, score }) => [`${rubric}, ${judge.name}`, score]))
}

export function summarizeRow(row: Row): RowIndexEntry {
  const { prompt, completion } = effectiveText(row)
  const score = effectiveScore(row)
  const verdicts = nameVerdicts(row)
  const [reason] = row.decisions.flatMap(({ decision }) =>
    decision.kind === 'dropped' ? [decision.reason] : [],
  )
  return {
    id: row.id,
    order: row.order,
    prompt: prompt.slice(0, SUMMARY_LENGTH),
    completion: completion.slice(0, SUMMARY_LENGTH),
    ...(score === undefined ? {} : { score }),
    ...((row.verdicts ?? []).length > 0 && effectiveVerdicts(row).length === 0 ? { staleVerdict: true } : {}),
    status: row.status,
    ...(row.droppedBy === undefined ? {} : { droppedBy: row.droppedBy }),
    ...(reason === undefined ? {} : { reason: reason.slice(0, SUMMARY_LENGTH) }),
    edited: row.edit !== undefined,
    ...(row.earlier ? { earlier: row.earlier.length } : {}),
    ...(row.fields
      ? {
          fields: Object.fromEntries(
            Object.entries(row.fields).map(([name, value]) => [
              name,
              typeof value === 'string' ? value.slice(0, VALUE_LENGTH) : value,
            ]),
          ),
        }
      : {}),
    ...(Object.keys(verdicts).length > 0 ? { verdicts } : {}),
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
