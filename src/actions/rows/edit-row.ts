// Knows: how a person edits a row's texts; the original is kept.
import type { ProjectId, RowId } from '../../domain/id.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import type { Row } from '../../domain/row.ts'
import type { StepVerdict } from '../../domain/verdict.ts'
import { RetortError } from '../../protocol/errors.ts'
import { guardQuota } from '../../storage/quota.ts'
import { getRow, updateRow } from '../../storage/rows.ts'
import type { Machines } from '../machines.ts'

/** Max characters of an edited text. */
export const EDIT_LIMIT = 100_000

export interface EditRow {
  readonly projectId: ProjectId
  readonly rowId: RowId
  readonly prompt: string
  readonly completion: string
  /** Verdicts on these very texts, when an earlier edit is restored. */
  readonly verdicts?: readonly StepVerdict[]
}

/** Stores the edit in addition to the original; texts equal to the original remove the edit. Empty texts are refused. */
export async function editRow(
  { db, now }: Pick<Machines, 'db' | 'now'>,
  { projectId, rowId, prompt, completion, verdicts }: EditRow,
): Promise<Checked<Row>> {
  for (const [field, text] of Object.entries({ prompt, completion })) {
    if (text.trim() === '')
      return refuse({ sentence: `The ${field} is empty. Enter a text, or reject the row instead.`, field })
    if (text.length > EDIT_LIMIT)
      return refuse({
        sentence: `The ${field} has ${text.length} characters, more than ${EDIT_LIMIT}. Shorten it.`,
        field,
      })
  }
  const edit = {
    prompt,
    completion,
    ...(verdicts ? { verdicts } : {}),
  }
  return accept(await changeRow(db, projectId, rowId, (row) => withEdit(row, edit, now())))
}

/** The row with the edit; texts equal to the original remove the edit, and an equal edit stays as it was. */
export function withEdit(
  { edit: before, ...row }: Row,
  edit: Pick<EditRow, 'prompt' | 'completion' | 'verdicts'>,
  editedAt: number,
): Row {
  if (edit.prompt === row.prompt && edit.completion === row.completion.text) return row
  if (edit.prompt === before?.prompt && edit.completion === before.completion) return { ...row, edit: before }
  return { ...row, edit: { ...edit, editedAt } }
}

/** Changes one stored row. Throws `StorageFailed` if it is gone. */
export async function changeRow(
  db: Machines['db'],
  projectId: ProjectId,
  rowId: RowId,
  change: (row: Row) => Row,
): Promise<Row> {
  if ((await getRow(db, projectId, rowId)) === undefined)
    throw new RetortError(
      'StorageFailed',
      'This row is no longer stored; perhaps its project was deleted in another tab.',
    )
  return guardQuota('The row', () => updateRow(db, projectId, rowId, change))
}
