import { describe, expect, test } from 'vitest'
import { adviseOnNearEqualLabels } from '../../../src/pipeline/advice/near-equal-labels.ts'
import { findNearEqualLabels } from '../../../src/pipeline/training/near-equal-labels.ts'

const rows = (counts: Readonly<Record<string, number>>): string[] =>
  Object.entries(counts).flatMap(([label, count]) => Array.from({ length: count }, () => label))

describe('findNearEqualLabels', () => {
  test('groups spellings by case, blanks, quotes and punctuation, the most frequent first', () => {
    expect(
      findNearEqualLabels(
        rows({
          positive: 5,
          Positive: 3,
          'Positive.': 1,
          '“POSITIVE”': 1,
          negative: 4,
          'card lost': 2,
          card_lost: 3,
        }),
      ),
    ).toEqual([
      {
        label: 'positive',
        rows: 5,
        others: [
          { name: 'Positive', rows: 3 },
          { name: 'Positive.', rows: 1 },
          { name: '“POSITIVE”', rows: 1 },
        ],
      },
      { label: 'card_lost', rows: 3, others: [{ name: 'card lost', rows: 2 }] },
    ])
  })
  test('keeps labels apart that differ in a letter, a number or a sign', () => {
    expect(
      findNearEqualLabels(['C', 'C#', 'C++', '1', '-1', '1.5', '15', 'yes', 'yes?no', '👍', '👎']),
    ).toEqual([])
  })
  test('leaves out long texts and texts of punctuation alone', () => {
    expect(findNearEqualLabels(['?', '!', '...', 'x'.repeat(80), 'X'.repeat(80)])).toEqual([])
  })
})

describe('adviseOnNearEqualLabels', () => {
  test('names each spelling with its rows, and offers to merge them', () => {
    const groups = findNearEqualLabels(rows({ yes: 7, 'Yes.': 1 }))
    expect(adviseOnNearEqualLabels(groups)).toEqual({
      id: 'near-equal-labels',
      sentence:
        'Labels that differ only in case, blanks or punctuation are classes of their own: “yes” (7 rows), “Yes.” (1 row). Merging keeps the most frequent spelling.',
      remedy: { label: 'Merge 1 spelling', change: { kind: 'merge-labels', groups } },
    })
  })
  test('is silent about different labels', () => {
    expect(adviseOnNearEqualLabels(findNearEqualLabels(['yes', 'no']))).toBeUndefined()
  })
})
