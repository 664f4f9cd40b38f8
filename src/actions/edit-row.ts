// Knows: how a person changes a row's texts; the original stays beside the edit.
import type { ProjectId, RowId } from '../domain/id.ts'
import { accept, refuse, type Checked } from '../domain/problem.ts'
import type { Row } from '../domain/row.ts'
import { RetortError } from '../protocol/errors.ts'
import { guardQuota } from '../storage/quota.ts'
import { updateRow } from '../storage/rows.ts'
import type { Machines } from './machines.ts'

/** Characters of an edited text at most. */
export const EDIT_LIMIT = 100_000

export interface EditRow {
  readonly projectId: ProjectId
  readonly rowId: RowId
  readonly prompt: string
  readonly completion: string
}

/** Keeps the edit beside the original; texts equal to the original take the edit away again. Empty texts are refused. */
export async function editRow(
  { db, now }: Pick<Machines, 'db' | 'now'>,
  { projectId, rowId, prompt, completion }: EditRow,
): Promise<Checked<Row>> {
  for (const [field, text] of Object.entries({ prompt, completion })) {
    if (text.trim() === '')
      return refuse({ sentence: `The ${field} is empty. Write something, or reject the row instead.`, field })
    if (text.length > EDIT_LIMIT)
      return refuse({
        sentence: `The ${field} has ${text.length} characters; ${EDIT_LIMIT} fit. Shorten it.`,
        field,
      })
  }
  return accept(
    await changeRow(db, projectId, rowId, ({ edit: _, ...row }) =>
      prompt === row.prompt && completion === row.completion.text
        ? row
        : { ...row, edit: { prompt, completion, editedAt: now() } },
    ),
  )
}

/** One row read, changed and written in one transaction. */
export async function changeRow(
  db: Machines['db'],
  projectId: ProjectId,
  rowId: RowId,
  change: (row: Row) => Row,
): Promise<Row> {
  const row = await guardQuota('The row', () => updateRow(db, projectId, rowId, change))
  if (!row)
    throw new RetortError(
      'StorageFailed',
      'This row is not stored any more; perhaps its project was deleted in another tab.',
    )
  return row
}
