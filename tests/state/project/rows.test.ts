import { describe, expect, test } from 'vitest'
import { freshId, type RowId } from '../../../src/domain/id.ts'
import type { RowStatus } from '../../../src/domain/row.ts'
import { readExtra } from '../../../src/state/project/row-columns.svelte.ts'
import { arrangeRows, Rows } from '../../../src/state/project/rows.svelte.ts'
import { putRows } from '../../../src/storage/rows.ts'
import { storeProject } from '../../stand-ins/sample-project.ts'
import { makeEnvironment } from '../make-environment.ts'
import { makeRow } from '../make-row.ts'

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

describe('arrangeRows', () => {
  test('finds every word anywhere, in any case, within one status', () => {
    expect(orders('PEARS', 'all')).toEqual([0, 1])
    expect(orders('pears apples', 'all')).toEqual([0])
    expect(orders('apples', 'dropped')).toEqual([])
    expect(orders('  ', 'kept')).toEqual([0, 2, 3])
  })

  test('sorts by a column in both directions, keeps the run’s order of ties, and ranks rows without a score lowest', () => {
    expect(orders('', 'all', 'score', true)).toEqual([2, 0, 3, 1])
    expect(orders('', 'all', 'score')).toEqual([1, 0, 3, 2])
    expect(orders('', 'all', 'prompt', true).at(-1)).toBe(0)
  })

  test('does not change its input', () => {
    const before = ENTRIES.map((row) => row.order)
    orders('', 'all', 'score', true)
    expect(ENTRIES.map((row) => row.order)).toEqual(before)
  })

  test('searches and sorts a hundred thousand rows', () => {
    const many = Array.from({ length: 100_000 }, (_, i) =>
      entry(i, `prompt number ${(i * 7919) % 100_000}`, i % 3 ? 'kept' : 'dropped', (i % 400) / 100 + 1),
    )
    const found = arrangeRows(many, { search: 'number 9', status: 'kept', column: 'prompt', down: false })
    expect(found.length).toBeGreaterThan(1000)
  })
})

async function makeRows() {
  const env = await makeEnvironment()
  const [projectId, runId] = [freshId('project'), freshId('run')]
  const stored = [0, 1, 2].map((order) =>
    makeRow({ projectId, runId, order, status: order === 1 ? 'dropped' : 'kept' }),
  )
  await storeProject(env.machines.db, projectId)
  await putRows(env.machines.db, stored)
  const rows = new Rows(env, projectId)
  await rows.show(runId)
  return { rows, stored }
}

describe('Rows', () => {
  test('shows the stored rows and counts them by status', async () => {
    const { rows } = await makeRows()
    expect(rows.shown.map((row) => row.order)).toEqual([0, 1, 2])
    expect(rows.counts).toMatchObject({ all: 3, kept: 2, dropped: 1, rejected: 0 })
    rows.status = 'dropped'
    expect(rows.shown).toHaveLength(1)
  })

  test('sorts the best score first at the first click, and reverses at the second', async () => {
    const { rows } = await makeRows()
    rows.sortBy('score')
    expect(rows.sort).toEqual({ key: 'score', down: true })
    rows.sortBy('score')
    expect(rows.sort).toEqual({ key: 'score', down: false })
    rows.sortBy('nonsense')
    expect(rows.sort.key).toBe('score')
  })

  test('undo restores a rejected row with its earlier status', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[1]!.id)
    await rows.reject(rows.history!.row)
    expect(rows.counts.rejected).toBe(1)
    expect(rows.history?.row.status).toBe('rejected')
    await rows.undo.use()
    expect(rows.history?.row.status).toBe('dropped')
    expect(rows.counts.rejected).toBe(0)
  })

  test('stores an edit in addition to the original; undo restores the earlier edit', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[0]!.id)
    expect(await rows.edit(rows.history!.row, 'Prompt', 'First words')).toBe(true)
    expect(await rows.edit(rows.history!.row, 'Prompt', 'Second words')).toBe(true)
    expect(rows.history?.row.completion.text).toBe(stored[0]!.completion.text)
    expect(rows.shown[0]?.completion).toBe('Second words')
    await rows.undo.use()
    expect(rows.history?.row.edit?.completion).toBe('First words')
  })

  test('refuses an empty edit with a sentence and changes nothing', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[0]!.id)
    expect(await rows.edit(rows.history!.row, 'Prompt', '  ')).toBe(false)
    expect(rows.problems[0]?.sentence).toMatch(/empty/)
    expect(rows.history?.row.edit).toBeUndefined()
  })

  test('returns the neighbours of the open row in the sorted table', async () => {
    const { rows, stored } = await makeRows()
    await rows.openRow(stored[0]!.id)
    expect([rows.neighbour(-1), rows.neighbour(1)]).toEqual([undefined, stored[1]!.id])
  })
})

describe('columns of fields and verdicts', () => {
  const judge = { name: 'Tiny', fingerprint: 'ff', quantisation: 'F32' }
  const scored = (rubric: string, score: number) => ({
    verdict: {
      kind: 'score' as const,
      rubric,
      judge,
      score,
      distribution: [0.2, 0.2, 0.2, 0.2, 0.2] as const,
      mass: 1,
    },
  })

  async function makeRich() {
    const env = await makeEnvironment()
    const [projectId, runId] = [freshId('project'), freshId('run')]
    const plain = [0, 1, 2].map((order) => makeRow({ projectId, runId, order, status: 'kept' }))
    await storeProject(env.machines.db, projectId)
    await putRows(env.machines.db, [
      {
        ...plain[0]!,
        fields: { topic: 'rye', level: 10 },
        verdicts: [scored('helpfulness@1', 2), scored('own', 4)],
      },
      { ...plain[1]!, earlier: [{ role: 'user', content: 'Hi?' }], fields: { level: 9 } },
      plain[2]!,
    ])
    const open = async (): Promise<Rows> => {
      const rows = new Rows(env, projectId)
      await rows.show(runId)
      return rows
    }
    return { env, open, projectId }
  }

  test('are offered where rows have values, and none is shown at first', async () => {
    const { open } = await makeRich()
    const rows = await open()
    expect(rows.offeredColumns.map(({ name }) => name)).toEqual([
      'helpfulness@1, Tiny',
      'own, Tiny',
      'topic',
      'level',
      'Earlier messages',
    ])
    expect(rows.extraColumns).toEqual([])
  })

  test('are remembered for the project without their names, and can be sorted by', async () => {
    const { env, open, projectId } = await makeRich()
    const rows = await open()
    const byName = (name: string) => rows.offeredColumns.find((column) => column.name === name)!
    rows.toggleColumn(byName('level'))
    rows.toggleColumn(byName('own, Tiny'))
    rows.sortBy('field:level')
    expect(rows.shown.map(({ order }) => order)).toEqual([1, 0, 2])
    rows.sortBy('field:level')
    expect(rows.shown.map(({ order }) => order)).toEqual([0, 1, 2])
    rows.toggleColumn(byName('level'))
    expect(rows.sort).toEqual({ key: 'order', down: false })
    rows.toggleColumn(byName('level'))
    const again = await open()
    expect(again.extraColumns.map(({ name }) => name)).toEqual(['own, Tiny', 'level'])
    const [row] = again.shown
    expect(again.extraColumns.map((column) => readExtra(row!, column))).toEqual([4, 10])
    expect(env.memory.getItem(`retort columns ${projectId}`)).toMatch(/^[0-9a-f]{12} [0-9a-f]{12}$/)
  })
})
