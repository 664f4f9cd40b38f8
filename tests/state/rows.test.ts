import { describe, expect, test } from 'vitest'
import { freshId, type RowId } from '../../src/domain/id.ts'
import type { RowStatus } from '../../src/domain/row.ts'
import { arrangeRows, Rows } from '../../src/state/rows.svelte.ts'
import { putRows } from '../../src/storage/rows.ts'
import { makeAround } from './make-around.ts'
import { makeRow } from './make-row.ts'

const entry = (order: number, prompt: string, status: RowStatus, score?: number) => ({
  id: `row ${order}` as RowId,
  order,
  prompt,
  completion: `Answer to ${prompt}`,
  status,
  edited: false,
  ...(score === undefined ? {} : { score }),
})
const ENTRIES = [
  entry(0, 'Apples and pears', 'kept', 3.5),
  entry(1, 'Pears', 'dropped'),
  entry(2, 'apples', 'kept', 4.5),
  entry(3, 'Figs', 'kept', 3.5),
]
const orders = (
  search: string,
  status: RowStatus | 'all',
  column: 'order' | 'prompt' | 'score' = 'order',
  down = false,
): number[] => arrangeRows(ENTRIES, { search, status, column, down }).map((row) => row.order)

describe('arranging rows', () => {
  test('finds every word anywhere, in any case, within one standing', () => {
    expect(orders('PEARS', 'all')).toEqual([0, 1])
    expect(orders('pears apples', 'all')).toEqual([0])
    expect(orders('apples', 'dropped')).toEqual([])
    expect(orders('  ', 'kept')).toEqual([0, 2, 3])
  })

  test('sorts by a column either way and keeps the run’s order among equals; rows without a score come last of the best', () => {
    expect(orders('', 'all', 'score', true)).toEqual([2, 0, 3, 1])
    expect(orders('', 'all', 'score')).toEqual([1, 0, 3, 2])
    expect(orders('', 'all', 'prompt', true).at(-1)).toBe(0)
  })

  test('leaves what it was given as it was', () => {
    const before = ENTRIES.map((row) => row.order)
    orders('', 'all', 'score', true)
    expect(ENTRIES.map((row) => row.order)).toEqual(before)
  })

  test('a hundred thousand rows are searched and sorted in well under a second', () => {
    const many = Array.from({ length: 100_000 }, (_, i) =>
      entry(i, `prompt number ${(i * 7919) % 100_000}`, i % 3 ? 'kept' : 'dropped', (i % 400) / 100 + 1),
    )
    const start = performance.now()
    const found = arrangeRows(many, { search: 'number 9', status: 'kept', column: 'prompt', down: false })
    expect(performance.now() - start).toBeLessThan(900)
    expect(found.length).toBeGreaterThan(1000)
  })
})

async function makeRows() {
  const around = await makeAround()
  const [projectId, runId] = [freshId('project'), freshId('run')]
  const stored = [0, 1, 2].map((order) =>
    makeRow({ projectId, runId, order, status: order === 1 ? 'dropped' : 'kept' }),
  )
  await putRows(around.machines.db, stored)
  const rows = new Rows(around, projectId)
  await rows.show(runId)
  return { rows, stored }
}

describe('the table of a run', () => {
  test('shows what is stored and counts it by standing', async () => {
    const { rows } = await makeRows()
    expect(rows.shown.map((row) => row.order)).toEqual([0, 1, 2])
    expect(rows.counts).toMatchObject({ all: 3, kept: 2, dropped: 1, rejected: 0 })
    rows.status = 'dropped'
    expect(rows.shown).toHaveLength(1)
  })

  test('the first click on a score shows the best first, a second turns it around', async () => {
    const { rows } = await makeRows()
    rows.sortBy('score')
    expect(rows.sort).toEqual({ key: 'score', down: true })
    rows.sortBy('score')
    expect(rows.sort).toEqual({ key: 'score', down: false })
    rows.sortBy('nonsense')
    expect(rows.sort.key).toBe('score')
  })

  test('a rejected row is taken back by undo with its earlier standing', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[1]!.id)
    await rows.reject(rows.history!.row)
    expect(rows.counts.rejected).toBe(1)
    expect(rows.history?.row.status).toBe('rejected')
    await rows.undo.use()
    expect(rows.history?.row.status).toBe('dropped')
    expect(rows.counts.rejected).toBe(0)
  })

  test('an edit stands beside the original; undo brings back the edit before it', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[0]!.id)
    expect(await rows.edit(rows.history!.row, 'Prompt', 'First words')).toBe(true)
    expect(await rows.edit(rows.history!.row, 'Prompt', 'Second words')).toBe(true)
    expect(rows.history?.row.completion.text).toBe(stored[0]!.completion.text)
    expect(rows.shown[0]?.completion).toBe('Second words')
    await rows.undo.use()
    expect(rows.history?.row.edit?.completion).toBe('First words')
  })

  test('an empty edit is refused with a sentence and changes nothing', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[0]!.id)
    expect(await rows.edit(rows.history!.row, 'Prompt', '  ')).toBe(false)
    expect(rows.problems[0]?.sentence).toMatch(/empty/)
    expect(rows.history?.row.edit).toBeUndefined()
  })

  test('an open row knows its neighbours in the table as it is sorted', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[0]!.id)
    expect([rows.neighbour(-1), rows.neighbour(1)]).toEqual([undefined, stored[1]!.id])
  })
})
