// Knows: which rows KTO learns from, without pairs.
import { describe, expect, it } from 'vitest'
import { contentId, freshId } from '../../../src/domain/id.ts'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import type { Row } from '../../../src/domain/row.ts'
import { coupleSides, describeSides, findSides } from '../../../src/pipeline/training/sides.ts'
import { makeRow } from '../../state/make-row.ts'

const keptRow = (i: number, split: DatasetRow['split'], score?: number): DatasetRow => ({
  rowId: contentId('row', `kept ${i}`),
  seedId: contentId('seed', i),
  split,
  system: '',
  prompt: `Prompt ${i}`,
  completion: `Good ${i}`,
  ...(score === undefined ? {} : { score }),
  editedByHand: false,
})
const droppedRow = (seed: number, prompt: string, score: number | undefined, text = `Bad ${prompt}`): Row => {
  const row = makeRow({ projectId: freshId('project'), runId: freshId('run'), order: 1, status: 'dropped' })
  const { verdicts: _, ...rest } = row
  return {
    ...rest,
    seedId: contentId('seed', seed),
    prompt,
    completion: { ...row.completion, text },
    ...(score === undefined
      ? {}
      : {
          verdicts: [
            {
              verdict: {
                kind: 'score',
                rubric: 'helpfulness',
                judge: row.completion.teacher,
                score,
                distribution: [0.2, 0.2, 0.2, 0.2, 0.2],
                mass: 1,
              },
            },
          ],
        }),
  }
}

describe('findSides', () => {
  it('takes kept rows as good and rows dropped with a lower score as bad, and counts the rest', () => {
    const kept = [keptRow(1, 'train', 4), keptRow(2, 'held-out', 3.5)]
    const sides = findSides(kept, [
      droppedRow(3, 'Low', 2),
      droppedRow(4, 'As high as a kept one', 3.5),
      droppedRow(5, 'Dropped by a filter, never judged', undefined),
    ])
    expect(sides.good).toEqual(kept)
    expect(sides.bad).toMatchObject([{ split: 'train', prompt: 'Low', completion: 'Bad Low' }])
    expect(sides.undecided).toBe(1)
    expect(describeSides(sides)).toMatch(/^2 rows on the good side .* 1 row on the bad side/)
  })

  it('does not take dropped rows for bad ones where no kept row has a score', () => {
    const sides = findSides(
      [keptRow(1, 'train'), keptRow(2, 'train')],
      [droppedRow(3, 'Low', 1), droppedRow(4, 'High', 5)],
    )
    expect(sides.bad).toEqual([])
    expect(sides.undecided).toBe(2)
    expect(describeSides(sides)).toContain('dropped where no kept row has a score')
    expect(findSides([], [droppedRow(3, 'Low', 1)]).bad).toEqual([])
  })

  it('holds out a dropped row that shares a seed or a prompt with a held-out row', () => {
    const kept = [keptRow(1, 'train', 4), keptRow(2, 'held-out', 4)]
    const { bad } = findSides(kept, [
      droppedRow(2, 'Of the same seed', 1),
      droppedRow(9, ' PROMPT  2 ', 1),
      droppedRow(1, 'Of a training seed', 1),
    ])
    expect(bad.map(({ split }) => split)).toEqual(['held-out', 'held-out', 'train'])
  })

  it('adds the rejected completions of pairs, once each', () => {
    const kept = [{ ...keptRow(1, 'train', 3), rejected: { completion: 'Worse', score: 2 } }]
    const { bad } = findSides(kept, [droppedRow(1, 'Prompt 1', 2, 'Worse')])
    expect(bad).toHaveLength(1)
  })
})

it('couples both sides so that they count equally', () => {
  const couples = coupleSides(['a', 'b'], [1, 2, 3, 4, 5] as unknown as string[])
  expect(couples.map(({ chosen }) => chosen)).toEqual(['a', 'b', 'a', 'b', 'a'])
  expect(couples).toHaveLength(5)
  expect(coupleSides(['a'], [])).toEqual([])
})
