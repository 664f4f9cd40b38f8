// Knows: how a manual rejection or edit of a row is undone.
import type { ProjectId, RowId } from '../../domain/id.ts'
import type { Row } from '../../domain/row.ts'
import { changeRow } from './edit-row.ts'
import type { Machines } from '../machines.ts'

export interface RestoreRow {
  readonly projectId: ProjectId
  readonly rowId: RowId
  /** `rejection` restores the row's earlier status; `edit` restores its original texts. */
  readonly what: 'rejection' | 'edit'
}

export function restoreRow(
  { db }: Pick<Machines, 'db'>,
  { projectId, rowId, what }: RestoreRow,
): Promise<Row> {
  return changeRow(db, projectId, rowId, (row) => {
    if (what === 'edit') {
      const { edit: _, ...rest } = row
      return rest
    }
    const { rejectedByHand, ...rest } = row
    return rejectedByHand ? { ...rest, status: rejectedByHand.before } : row
  })
}
