// A journal of thousands of calls is read at once, and what the run uses of it is recorded once.
import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import { RowWriter } from '../../../src/actions/run/row-writer.ts'
import { StoredJournal } from '../../../src/actions/executing/stored-journal.ts'
import { contentId } from '../../../src/domain/id.ts'
import { makeProject } from '../../../src/domain/project.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import { writeCalls } from '../../../src/storage/calls.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { putProject } from '../../../src/storage/projects.ts'

const COUNT = 3000
const keyOf = (i: number): string => contentId('row', i)
const replyOf = (i: number): Reply => ({ kind: 'score', result: { logProbs: [-i] } })

async function open(name: string) {
  const db = await openDatabase(name)
  const project = makeProject('Journal', 0)
  await putProject(db, project)
  const [user, other] = [contentId('run', 'own'), contentId('run', 'other')]
  const replies = new Map(Array.from({ length: COUNT }, (_, i) => [keyOf(i), replyOf(i)]))
  await writeCalls(db, project.id, { user, replies, used: new Set() })
  const used: string[] = []
  const read = async (asUser: typeof user, extra: readonly string[] = []) => {
    const writer = new RowWriter(async (writes) => {
      used.push(...writes.used)
      await writeCalls(db, project.id, { user: asUser, ...writes })
    })
    const journal = new StoredJournal(db, project.id, asUser, writer)
    const found = new Map<string, Reply>()
    for (let from = 0; from < COUNT; from += 500) {
      const keys = Array.from({ length: 500 }, (_, i) => keyOf(from + i))
      for (const [key, reply] of await journal.read([...keys, ...extra])) found.set(key, reply)
    }
    await journal.drain()
    return { journal, found }
  }
  return { db, project, user, other, used, read, replies }
}

test('finds every reply, before and after it reads ahead, and none that is not there', async () => {
  const { user, read, replies } = await open('read ahead')
  const { found, journal } = await read(user, ['absent'])
  expect(found).toEqual(replies)
  // One that was let out is read from storage again.
  expect((await journal.read([keyOf(2999)])).get(keyOf(2999))).toEqual(replyOf(2999))
  // One that was recorded since is found too.
  journal.record('new', replyOf(7))
  expect((await journal.read(['new'])).get('new')).toEqual(replyOf(7))
})

test('records each use once: a resumed run has recorded most, another run none', async () => {
  const { db, project, user, other, used, read } = await open('uses')
  await read(user)
  expect(used.length).toBeLessThan(2000)
  used.length = 0
  await read(other)
  expect(new Set(used).size).toBe(COUNT)
  expect(await db.countFromIndex('callUses', 'ofUser', [project.id, other])).toBe(COUNT)
})
