import { expect, test } from 'vitest'
import { mergeLabels, unmergeLabels } from '../../../src/actions/datasets/merge-labels.ts'
import { effectiveText, type Row } from '../../../src/domain/row.ts'
import { findNearEqualLabels } from '../../../src/pipeline/training/near-equal-labels.ts'
import { listRows, putRows } from '../../../src/storage/rows.ts'
import { makeMachines } from '../../stand-ins/machines.ts'
import { storeSampleProject } from '../../stand-ins/sample-project.ts'

const LABELS = ['yes', 'Yes.', 'no', 'yes', 'NO', 'no']

test('mergeLabels edits the kept rows with another spelling, and unmergeLabels restores them', async () => {
  const machines = await makeMachines()
  const { project, run, rows } = await storeSampleProject(machines.db, { rows: 12 })
  const labelled = rows.map((row, i): Row => {
    const { edit: _, ...rest } = row
    return {
      ...rest,
      status: i === 1 ? 'kept' : row.status,
      completion: { ...row.completion, text: LABELS[i % LABELS.length] ?? '' },
    }
  })
  await putRows(machines.db, labelled)
  const kept = (all: readonly Row[]): string[] =>
    all.filter(({ status }) => status === 'kept').map((row) => effectiveText(row).completion)
  const groups = findNearEqualLabels(kept(labelled))
  expect(groups.length).toBeGreaterThan(0)
  const before = await mergeLabels(machines, { projectId: project.id, runId: run.id, groups })
  expect(before.length).toBe(groups.flatMap(({ others }) => others).reduce((sum, { rows: n }) => sum + n, 0))
  const after = await listRows(machines.db, project.id, run.id)
  expect(findNearEqualLabels(kept(after))).toEqual([])
  expect(after.filter(({ status }) => status !== 'kept')).toEqual(
    labelled.filter(({ status }) => status !== 'kept'),
  )
  await unmergeLabels(machines, before)
  expect(await listRows(machines.db, project.id, run.id)).toEqual(labelled)
})
