// Preference pairs: the best of a prompt against its worst, and a reason if there is no pair.
import { select as selectBy } from './select.ts'
import { expect, test } from 'vitest'
import { datasetId } from '../../../src/domain/dataset.ts'
import { exportRows } from '../../../src/pipeline/exporting/index.ts'
import { freezeRows } from '../../../src/pipeline/freezing/freeze-rows.ts'
import { pair, PREFERRED_TO } from '../../../src/pipeline/selecting/pair.ts'
import { makeRow, scored, unreadable } from '../samples.ts'

const row = (
  id: string,
  promptId: string,
  order: number,
  score: number | undefined,
  completion = `text ${id}`,
) => ({
  id,
  promptId,
  order,
  completion,
  ...(score === undefined ? {} : { verdicts: [{ verdict: scored(score) }] }),
})
const select = (rows: readonly ReturnType<typeof row>[], margin = 0.5) =>
  new Map(selectBy(pair, rows, { margin }).map((decision, i) => [rows[i]?.id, decision]))

test('keeps the best with the id of the worst, and drops the others with a reason', () => {
  const decisions = select([
    row('a', 'p', 0, 3),
    row('b', 'p', 1, 4.5),
    row('c', 'p', 2, 1),
    row('d', 'p', 3, 2),
  ])
  expect(decisions.get('b')).toEqual({
    kind: 'kept',
    evidence: { score: 4.5, [PREFERRED_TO]: 'c', 'rejected score': 1 },
  })
  expect(decisions.get('c')).toMatchObject({ kind: 'dropped', reason: 'the rejected completion of its pair' })
  for (const id of ['a', 'd'])
    expect(decisions.get(id)).toMatchObject({
      kind: 'dropped',
      reason: 'neither the best nor the worst of its prompt',
    })
})

test('drops ties, equal texts, single completions and unreadable verdicts with a reason', () => {
  for (const decision of select([row('a', 'p', 0, 4), row('b', 'p', 1, 3.6)]).values())
    expect(decision).toMatchObject({
      kind: 'dropped',
      reason: 'no pair: the best and the worst are less than 0.5 points apart',
    })
  for (const decision of select([row('a', 'p', 0, 4), row('b', 'p', 1, 4)], 0).values())
    expect(decision.kind).toBe('dropped')
  for (const decision of select([row('a', 'p', 0, 4, 'Same.'), row('b', 'p', 1, 1, ' Same. ')]).values())
    expect(decision).toMatchObject({ reason: 'no pair: the best and the worst are the same text' })
  expect(select([row('a', 'p', 0, 4)]).get('a')).toMatchObject({
    reason: expect.stringContaining('the only completion of its prompt'),
  })
  expect(
    selectBy(
      pair,
      [{ ...row('a', 'p', 0, 4), verdicts: [{ verdict: unreadable }] }, row('b', 'p', 1, undefined)],
      {
        margin: 0.5,
      },
    ),
  ).toMatchObject([{ reason: 'unreadable verdict' }, { reason: 'not judged' }])
})

test('never pairs completions of different prompts', () => {
  for (const decision of select([row('a', 'p', 0, 5), row('b', 'q', 1, 1)]).values())
    expect(decision).toMatchObject({ reason: expect.stringContaining('the only completion of its prompt') })
})

/** Two prompts with a pair each; `changed` applies to the rejected row of the second. */
function makePairs(changed: Partial<Parameters<typeof makeRow>[1]> = {}) {
  const rows = [
    makeRow(0, { prompt: 'p', verdict: scored(4) }),
    makeRow(1, { prompt: 'p', verdict: scored(2), status: 'dropped' }),
    makeRow(2, { prompt: 'q', verdict: scored(5) }),
    makeRow(3, { prompt: 'q', verdict: scored(1), status: 'dropped', ...changed }),
  ]
  return rows.map((one, i) =>
    i % 2 === 0
      ? {
          ...one,
          decisions: [
            {
              step: 3,
              name: 'pair',
              decision: { kind: 'kept' as const, evidence: { [PREFERRED_TO]: rows[i + 1]?.id ?? '' } },
            },
          ],
        }
      : { ...one, droppedBy: 'pair' },
  )
}
const freeze = (rows: Parameters<typeof freezeRows>[0]) => {
  const frozen = freezeRows(rows, { heldOut: 0.5 }, 1)
  if (!frozen.ok) throw new Error(frozen.problems[0]?.sentence)
  return frozen.value
}

test('stores the rejected completions in the dataset and in its id', () => {
  const rows = freeze(makePairs())
  expect(rows.map(({ completion, rejected }) => [completion, rejected])).toEqual([
    ['completion 0', { completion: 'completion 1', score: 2 }],
    ['completion 2', { completion: 'completion 3', score: 1 }],
  ])
  const without = rows.map(({ rejected: _, ...rest }) => rest)
  expect(datasetId(without)).not.toBe(datasetId(rows))
  const { pieces } = exportRows([rows[0]!, without[1]!], 'preference')
  const lines = [...pieces].map((line) => JSON.parse(line) as object)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({
    prompt: [{ role: 'user', content: 'p' }],
    chosen: [{ role: 'assistant', content: 'completion 0' }],
    rejected: [{ role: 'assistant', content: 'completion 1' }],
    score_chosen: 4,
    score_rejected: 2,
  })
})

test('dissolves a pair if an edit rejects a row, equates the texts or separates the prompts', () => {
  const rejectedOf = (rows: Parameters<typeof freezeRows>[0]) =>
    freeze(rows).map(({ rejected }) => rejected?.completion)
  expect(rejectedOf(makePairs({ status: 'rejected' }))).toEqual(['completion 1', undefined])
  expect(rejectedOf(makePairs({ edit: { prompt: 'q', completion: 'completion 2', editedAt: 1 } }))).toEqual([
    'completion 1',
    undefined,
  ])
  expect(
    rejectedOf(makePairs({ edit: { prompt: 'another', completion: 'different', editedAt: 1 } })),
  ).toEqual(['completion 1', undefined])
  expect(rejectedOf(makePairs({ edit: { prompt: 'q', completion: 'worse still', editedAt: 1 } }))).toEqual([
    'completion 1',
    'worse still',
  ])
})
