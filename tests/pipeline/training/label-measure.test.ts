// Knows: how a classifier's labels are counted.
import { expect, it } from 'vitest'
import { contentId } from '../../../src/domain/id.ts'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { measureLabels } from '../../../src/pipeline/training/label-measure.ts'

const row = (i: number, completion: string): DatasetRow => ({
  rowId: contentId('row', i),
  seedId: contentId('seed', i),
  split: 'held-out',
  system: '',
  prompt: `Text ${i}`,
  completion,
  editedByHand: false,
})

it('counts right labels before and after, next to the most frequent label of the training rows, and lists the wrong ones', () => {
  const rows = [row(1, 'yes'), row(2, 'no'), row(3, 'yes '), row(4, 'maybe')]
  const before = new Map(rows.map((one) => [one, 'no']))
  const after = new Map(rows.slice(0, 3).map((one, i) => [one, i === 1 ? 'yes' : 'yes']))
  expect(measureLabels(rows, { before, after }, [row(5, 'yes'), row(6, 'yes'), row(7, 'no')])).toEqual({
    rows: 4,
    before: 1,
    after: 2,
    frequent: { label: 'yes', right: 2 },
    wrong: [
      { prompt: 'Text 2', text: 'yes', expected: 'no' },
      { prompt: 'Text 4', text: '', expected: 'maybe' },
    ],
  })
})
