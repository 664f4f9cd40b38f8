// Knows: where a row stands for the run, whatever a hand did to it meanwhile.
import type { Row, RowStatus } from '../../domain/row.ts'

/** Where the run left the row: a rejection by hand hides that, and gives it back when it is undone. */
export const standingOf = (row: Row): RowStatus =>
  row.status === 'rejected' ? (row.rejectedByHand?.before ?? 'asked') : row.status

/** The row with what the run found out; a rejection by hand stays on top. */
export function settle(
  row: Row,
  found: Partial<Pick<Row, 'answers' | 'verdict' | 'droppedBy'>> & { readonly status: RowStatus },
): Row {
  const { status, ...facts } = found
  if (row.status !== 'rejected') return { ...row, ...facts, status }
  return { ...row, ...facts, rejectedByHand: { at: row.rejectedByHand?.at ?? 0, before: status } }
}
