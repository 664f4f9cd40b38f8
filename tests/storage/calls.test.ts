// The journal is read in ranges of addresses: each reply once, wherever its address is, and however unevenly the addresses are spread.
import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import { contentId } from '../../src/domain/id.ts'
import { makeProject } from '../../src/domain/project.ts'
import type { Reply } from '../../src/domain/reply.ts'
import { eachCall, listUsedCalls, writeCalls, type CallUser } from '../../src/storage/calls.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { putProject } from '../../src/storage/projects.ts'

const reply: Reply = { kind: 'score', result: { logProbs: [-1] } }
const first: CallUser = contentId('run', 'first')
const second: CallUser = contentId('run', 'second')
const spread = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => contentId('row', i).slice(0, 32))
/** Those at the ends of ranges, and more than a page of one range. */
const uneven = [
  '',
  '0',
  '00',
  '000',
  'a',
  'ab',
  'ab0',
  'f',
  'ff',
  'fff',
  'ffff',
  'zz',
  ...Array.from({ length: 1200 }, (_, i) => `abc${i}`),
]

test.each([
  ['no address', []],
  ['a page', spread(500)],
  ['many', spread(3000)],
  ['uneven ones', [...uneven, ...spread(800)]],
])('reads each reply once, in the order of the addresses: %s', async (name, keys) => {
  const db = await openDatabase(name)
  const [project, next] = [makeProject('A', 0), makeProject('B', 0)]
  for (const { id } of [project, next]) {
    await putProject(db, { ...project, id })
    await writeCalls(db, id, {
      user: first,
      replies: new Map([...keys, `${id}`].map((key) => [key, reply])),
      used: new Set(),
    })
  }
  const found: string[] = []
  for await (const page of eachCall(db, project.id)) {
    expect(page.length).toBeLessThanOrEqual(500)
    found.push(...page.map(({ key }) => key))
  }
  expect(found).toEqual([...keys, project.id].toSorted())
})

test('lists the addresses that a user uses, unless it uses all', async () => {
  const db = await openDatabase('used')
  const project = makeProject('A', 0)
  await putProject(db, project)
  const keys = [...uneven, ...spread(800)]
  const replies = new Map(keys.map((key) => [key, reply]))
  await writeCalls(db, project.id, { user: first, replies, used: new Set() })
  expect(await listUsedCalls(db, project.id, first)).toBeUndefined()
  expect(await listUsedCalls(db, project.id, second)).toEqual(new Set())
  const some = new Set(keys.filter((_, i) => i % 3 === 0))
  await writeCalls(db, project.id, { user: second, replies: new Map(), used: some })
  expect(await listUsedCalls(db, project.id, second)).toEqual(some)
  expect(await listUsedCalls(db, project.id, 'trial')).toEqual(new Set())
})
