// Knows: how the spellings of a label become one: as edits of the rows, which keep their original texts.
import type { ProjectId, RowId, RunId } from '../../domain/id.ts'
import { effectiveText, type Row } from '../../domain/row.ts'
import { classOf } from '../../pipeline/training/find-classes.ts'
import type { LabelGroup } from '../../pipeline/training/near-equal-labels.ts'
import { guardQuota } from '../../storage/quota.ts'
import { eachRow, writeRows } from '../../storage/rows.ts'
import { withEdit } from '../rows/edit-row.ts'
import type { Machines } from '../machines.ts'

/** Edits the kept rows of a run whose completion is another spelling of a group's label, all or none. Returns the rows as they were, for undo. */
export async function mergeLabels(
  { db, now }: Pick<Machines, 'db' | 'now'>,
  { projectId, runId, groups }: { projectId: ProjectId; runId: RunId; groups: readonly LabelGroup[] },
): Promise<readonly Row[]> {
  const labelOf = new Map(groups.flatMap(({ label, others }) => others.map(({ name }) => [name, label])))
  const before: Row[] = []
  for await (const page of eachRow(db, projectId, runId))
    for (const row of page)
      if (row.status === 'kept' && labelOf.has(classOf(effectiveText(row).completion))) before.push(row)
  const editedAt = now()
  const merge = (row: Row): Row => {
    const { prompt, completion } = effectiveText(row)
    return withEdit(row, { prompt, completion: labelOf.get(classOf(completion)) ?? completion }, editedAt)
  }
  await changeRows(db, projectId, new Map(before.map(({ id }) => [id, merge])))
  return before
}

/** Gives the rows back the edits that they had before, or none; all or none. */
export async function unmergeLabels({ db }: Pick<Machines, 'db'>, before: readonly Row[]): Promise<void> {
  const [first] = before
  if (first === undefined) return
  const changes = before.map(({ id, edit }): [RowId, (row: Row) => Row] => [
    id,
    ({ edit: _, ...row }) => (edit ? { ...row, edit } : row),
  ])
  await changeRows(db, first.projectId, new Map(changes))
}

/** Changes rows in one transaction; rows that are gone are skipped. Throws `StorageFailed` if the project is gone. */
async function changeRows(
  db: Machines['db'],
  projectId: ProjectId,
  changes: ReadonlyMap<RowId, (row: Row) => Row>,
): Promise<void> {
  await guardQuota('The labels', () => writeRows(db, projectId, [], changes))
}
