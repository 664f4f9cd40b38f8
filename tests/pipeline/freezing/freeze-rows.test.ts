import { expect, test } from 'vitest'
import { datasetId, type DatasetRow } from '../../../src/domain/dataset.ts'
import type { Row } from '../../../src/domain/row.ts'
import { freezeRows } from '../../../src/pipeline/freezing/freeze-rows.ts'
import { makeRow, scored, teacher, unreadable } from '../samples.ts'

const freeze = (rows: readonly Row[]): DatasetRow[] => {
  const frozen = freezeRows(rows, { heldOut: 0.3 }, 1, teacher)
  if (!frozen.ok) throw new Error(frozen.problems[0]?.sentence)
  return frozen.value
}
const plain = [0, 1, 2, 3].map((order) => makeRow(order))
const earlier = [
  { role: 'system', content: 'You are a baker.' },
  { role: 'user', content: 'Hi?' },
  { role: 'assistant', content: 'Hello.' },
] as const

test('keeps the conversation, the fields, every readable verdict and the writer of a row', () => {
  const other = { ...teacher, name: 'Large', fingerprint: 'ffff' }
  const row: Row = {
    ...plain[0]!,
    earlier,
    fields: { topic: 'bread', level: 2 },
    completion: { ...plain[0]!.completion, teacher: other },
    verdicts: [
      { step: 2, verdict: scored(4) },
      { step: 3, verdict: { ...scored(2), rubric: 'correctness@1', judge: other } },
      { step: 4, verdict: unreadable },
    ],
  }
  const [frozen, next] = freeze([row, ...plain.slice(1)])
  expect(frozen).toMatchObject({
    earlier,
    fields: { topic: 'bread', level: 2 },
    score: 3,
    scores: [
      { rubric: 'helpfulness@1', judge: 'Tiny', score: 4 },
      { rubric: 'correctness@1', judge: 'Large', score: 2 },
    ],
    writtenBy: 'Large',
  })
  for (const field of ['earlier', 'fields', 'scores', 'writtenBy']) expect(next).not.toHaveProperty(field)
})

test('leaves out the verdicts on the texts before an edit', () => {
  const edit = { prompt: 'p', completion: 'c', editedAt: 1 }
  const [frozen] = freeze([
    { ...plain[0]!, verdicts: [{ step: 2, verdict: scored(4) }], edit },
    ...plain.slice(1),
  ])
  expect(frozen).not.toHaveProperty('scores')
  expect(frozen).not.toHaveProperty('score')
})

test('names rows and datasets by their conversations too, and others as before', () => {
  const rows = freeze(plain)
  const talks = freeze([{ ...plain[0]!, earlier }, ...plain.slice(1)])
  expect(talks[0]!.rowId).not.toBe(rows[0]!.rowId)
  expect(talks.slice(1).map(({ rowId }) => rowId)).toEqual(rows.slice(1).map(({ rowId }) => rowId))
  expect(datasetId(talks)).not.toBe(datasetId(rows))
})

test('holds out rows of one last question apart if their conversations differ, and together if they are equal', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    ...makeRow(i, { prompt: 'And now?' }),
    earlier: [{ role: 'user' as const, content: `Conversation ${i >> 1}` }],
  }))
  const frozen = freeze(rows)
  expect(new Set(frozen.map(({ split }) => split)).size).toBe(2)
  for (let i = 0; i < 40; i += 2) expect(frozen[i]!.split).toBe(frozen[i + 1]!.split)
})
