// Knows: how the spellings of a label become one: as edits of the rows, which keep their original texts.
import type { ProjectId, RunId } from '../domain/id.ts'
import { effectiveText, type Row } from '../domain/row.ts'
import { classOf } from '../pipeline/training/find-classes.ts'
import type { LabelGroup } from '../pipeline/training/near-equal-labels.ts'
import { eachRow } from '../storage/rows.ts'
import { changeRow, editRow } from './edit-row.ts'
import type { Machines } from './machines.ts'

/** Edits the kept rows of a run whose completion is another spelling of a group's label. Returns the rows as they were, for undo. */
export async function mergeLabels(
  machines: Pick<Machines, 'db' | 'now'>,
  { projectId, runId, groups }: { projectId: ProjectId; runId: RunId; groups: readonly LabelGroup[] },
): Promise<readonly Row[]> {
  const labelOf = new Map(groups.flatMap(({ label, others }) => others.map(({ name }) => [name, label])))
  const before: Row[] = []
  for await (const page of eachRow(machines.db, projectId, runId))
    for (const row of page)
      if (row.status === 'kept' && labelOf.has(classOf(effectiveText(row).completion))) before.push(row)
  for (const row of before) {
    const { prompt, completion } = effectiveText(row)
    await editRow(machines, {
      projectId,
      rowId: row.id,
      prompt,
      completion: labelOf.get(classOf(completion)) ?? completion,
    })
  }
  return before
}

/** Gives the rows back the edits that they had before, or none. */
export async function unmergeLabels({ db }: Pick<Machines, 'db'>, before: readonly Row[]): Promise<void> {
  for (const { projectId, id, edit } of before)
    await changeRow(db, projectId, id, ({ edit: _, ...row }) => (edit ? { ...row, edit } : row))
}
