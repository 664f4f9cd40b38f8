// Knows: a row's status in the run, whatever a person changed by hand meanwhile.
import type { Row, RowStatus } from '../../domain/row.ts'

/** The status the run gave the row: a rejection by hand hides it until the rejection is undone. */
export const statusInRun = (row: Row): RowStatus =>
  row.status === 'rejected' ? (row.rejectedByHand?.before ?? 'pending') : row.status

/** The row with the run's decisions; a rejection by hand still takes precedence. */
export function applyDecisions(
  row: Row,
  result: Partial<Pick<Row, 'decisions' | 'verdicts' | 'droppedBy'>> & { readonly status: RowStatus },
): Row {
  const { status, ...facts } = result
  if (row.status !== 'rejected') return { ...row, ...facts, status }
  return { ...row, ...facts, rejectedByHand: { at: row.rejectedByHand?.at ?? 0, before: status } }
}
