import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import {
  MAX_RELATIVES,
  readFamily,
  type FamilyPrompt,
  type FamilyRow,
} from '../../../src/actions/rows/read-family.ts'
import { contentId, freshId, type PromptId } from '../../../src/domain/id.ts'
import { promptId, type Prompt } from '../../../src/domain/prompt.ts'
import { rowId, type Row } from '../../../src/domain/row.ts'
import { seedId } from '../../../src/domain/seed.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { putPreferences } from '../../../src/storage/preferences.ts'
import { putPrompts } from '../../../src/storage/prompts.ts'
import { putRows } from '../../../src/storage/rows.ts'
import { makeRow } from '../../state/make-row.ts'
import { storeProject } from '../../stand-ins/sample-project.ts'

const TEACHER = { name: 'Little teacher', fingerprint: '0123456789abcdef', quantisation: 'F32' }
const NEVER = new AbortController().signal

async function makeFamily() {
  const db = await openDatabase(`family ${crypto.randomUUID()}`)
  const [projectId, runId] = [freshId('project'), freshId('run')]
  await storeProject(db, projectId)
  let order = 0
  const prompt = (text: string, parent?: Prompt, more: Partial<Prompt> = {}): Prompt => ({
    projectId,
    runId,
    id: promptId([runId, text]),
    text,
    seedId: seedId('a seed'),
    ...(parent ? { parent: parent.id } : {}),
    origin: parent
      ? {
          kind: 'grown',
          template: 'evol@1',
          shots: [],
          request: 0,
          item: 0,
          teacher: TEACHER,
          operator: 'deepen',
        }
      : { kind: 'seed' },
    order: order++,
    decisions: [],
    status: 'accepted',
    ...more,
  })
  let rowOrder = 0
  const row = ({ id }: { id: PromptId }, more: Partial<Row> = {}): Row => ({
    ...makeRow({ projectId, runId, order: rowOrder, status: 'kept' }),
    id: rowId([runId, rowOrder++]),
    promptId: id,
    ...more,
  })
  const store = async (prompts: readonly Prompt[], rows: readonly Row[]): Promise<void> => {
    await putPrompts(db, prompts)
    await putRows(db, rows)
  }
  return { db, projectId, runId, prompt, row, store }
}

const drawRow = ({ text, critique, revisions }: FamilyRow): unknown => [
  critique === undefined ? text : `${text} (${critique})`,
  ...revisions.map(drawRow),
]
const draw = ({ text, rows, prompts }: FamilyPrompt): unknown => ({
  [text]: [...rows.map(drawRow), ...prompts.map(draw)],
})

test('finds the prompts above and below a row’s own, without cousins, and the completions of each with their revisions', async () => {
  const { db, prompt, row, store } = await makeFamily()
  const seed = prompt('seed')
  const own = prompt('own', seed)
  const cousin = prompt('cousin', seed)
  const child = prompt('child', own, {
    status: 'dropped',
    decisions: [{ step: 0, name: 'evol', decision: { kind: 'dropped', reason: 'no gain', evidence: {} } }],
  })
  const first = row(own)
  const revised = row(own, { parent: first.id, fields: { critique: 'too long', revision: 1 } })
  const rows = [row(seed), first, row(own), revised, row(cousin)]
  await store([seed, own, cousin, child], rows)
  const family = await readFamily(db, revised, NEVER)
  expect(draw(family.root!)).toEqual({
    seed: [
      ['Completion 2'],
      { own: [['Completion 0', ['Completion 1 (too long)']], ['Completion 3'], { child: [] }] },
    ],
  })
  expect(family.root?.prompts[0]?.prompts[0]).toMatchObject({ reason: 'no gain', operator: 'deepen' })
  expect(family).toMatchObject({ relatives: 2 + 3, left: 0, comparisons: [] })
})

test('lists the row’s comparisons from its own side, also with a row that is gone', async () => {
  const { db, projectId, runId, prompt, row, store } = await makeFamily()
  const own = prompt('own')
  const [a, b, c, gone] = [row(own), row(own), row(own), row(own)]
  await store([own], [a, b, c])
  const compare = (first: Row, second: Row, outcome: 'first' | 'second' | 'tie', step: number) => ({
    projectId,
    runId,
    id: contentId('preference', [first.id, second.id]),
    promptId: own.id,
    step,
    first: first.id,
    second: second.id,
    rubric: 'helpfulness@1',
    verdict: { judge: TEACHER, shownFirst: 0.5, shownSecond: 0.5, outcome },
  })
  await putPreferences(db, [
    compare(a, b, 'first', 1),
    compare(c, a, 'first', 2),
    compare(a, gone, 'tie', 3),
    compare(b, c, 'first', 4),
  ])
  const { comparisons } = await readFamily(db, a, NEVER)
  expect(comparisons.map(({ outcome, other }) => [outcome, other?.text])).toEqual([
    ['won', 'Completion 1'],
    ['lost', 'Completion 2'],
    ['tied', undefined],
  ])
})

test('is bounded, counts what it leaves out, always has the row, and ends with circles', async () => {
  const { db, prompt, row, store } = await makeFamily()
  const own = prompt('own')
  const children = Array.from({ length: 150 }, (_, i) => prompt(`child ${i}`, own))
  const circle = { ...own, parent: children[0]!.id }
  const rows = Array.from({ length: 300 }, () => row(own))
  const last = rows.at(-1)!
  const [x, y] = [rows[0]!, rows[1]!]
  rows[0] = { ...x, parent: y.id }
  rows[1] = { ...y, parent: x.id }
  await store([circle, ...children], rows)
  const family = await readFamily(db, last, NEVER)
  expect(family.relatives).toBe(MAX_RELATIVES)
  expect(family.left).toBe(150 + 299 - MAX_RELATIVES)
  const texts = JSON.stringify(family.root)
  for (const order of [0, 1, 299]) expect(texts).toContain(`"Completion ${order}"`)
})

test('stops when another row is opened', async () => {
  const { db, prompt, row, store } = await makeFamily()
  const own = prompt('own')
  const only = row(own)
  await store([own], [only])
  await expect(readFamily(db, only, AbortSignal.abort())).rejects.toThrow(/abort/)
})
