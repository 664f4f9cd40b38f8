// Knows: how a person rejects a row by hand.
import type { ProjectId, RowId } from '../../domain/id.ts'
import type { Row } from '../../domain/row.ts'
import { changeRow } from './edit-row.ts'
import type { Machines } from '../machines.ts'

/** The row's status becomes `rejected`; the earlier status is stored with it. */
export function rejectRow(
  { db, now }: Pick<Machines, 'db' | 'now'>,
  { projectId, rowId }: { projectId: ProjectId; rowId: RowId },
): Promise<Row> {
  return changeRow(db, projectId, rowId, (row) =>
    row.status === 'rejected'
      ? row
      : { ...row, status: 'rejected', rejectedByHand: { at: now(), before: row.status } },
  )
}
