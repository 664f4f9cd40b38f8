// Knows: the journal in storage: replies of calls by their address in a project, kept as long as a run or a trial uses them.
import type { ProjectId, RunId, StudentId } from '../domain/id.ts'
import type { Reply } from '../domain/reply.ts'
import type { Database } from './database.ts'
import { requestInParts } from './parts.ts'
import { writeInProject } from './project-writes.ts'
import { transact } from './transactions.ts'

/** What uses a reply: a run, the project's trials, or a comparison of a student that has not ended. */
export type CallUser = RunId | 'trial' | `comparison ${StudentId}`

/** Replies to store, and addresses of stored ones that are used too. */
export interface CallWrites {
  readonly user: CallUser
  readonly replies: ReadonlyMap<string, Reply>
  readonly used: ReadonlySet<string>
}

/** The replies with these addresses that are stored. */
export async function readCalls(
  db: Database,
  projectId: ProjectId,
  keys: readonly string[],
): Promise<Map<string, Reply>> {
  const found = await transact(db, ['calls'], 'readonly', ({ store }) =>
    requestInParts(keys, async (key) => store.get([projectId, key])),
  )
  return new Map(found.flatMap((call) => (call === undefined ? [] : [[call.key, call.reply] as const])))
}

/** Records read at a time, as one task of the page's thread. */
const CALLS_PER_PAGE = 500

/** Addresses of all replies that a user uses. */
export async function listUsedCalls(
  db: Database,
  projectId: ProjectId,
  user: CallUser,
): Promise<Set<string>> {
  const keys = new Set<string>()
  for (let range = IDBKeyRange.bound([projectId], [projectId, []]); ;) {
    const page = await db.getAllKeys('callUses', range, CALLS_PER_PAGE)
    for (const [, key, one] of page) if (one === user) keys.add(key)
    const last = page.at(-1)
    if (last === undefined || page.length < CALLS_PER_PAGE) return keys
    range = IDBKeyRange.bound(last, [projectId, []], true)
  }
}

/** All replies of a project, in pages: reading many in their order takes a tenth of the time of reading each by its address. */
export async function* eachCall(
  db: Database,
  projectId: ProjectId,
): AsyncGenerator<readonly { readonly key: string; readonly reply: Reply }[]> {
  for (let range = IDBKeyRange.bound([projectId], [projectId, []]); ;) {
    const page = await db.getAll('calls', range, CALLS_PER_PAGE)
    yield page
    const last = page.at(-1)
    if (last === undefined || page.length < CALLS_PER_PAGE) return
    range = IDBKeyRange.bound([projectId, last.key], [projectId, []], true)
  }
}

interface CallStores {
  objectStore(name: 'calls'): {
    put(value: { projectId: ProjectId; key: string; reply: Reply }): Promise<unknown>
  }
  objectStore(name: 'callUses'): {
    put(value: { projectId: ProjectId; key: string; user: CallUser }): Promise<unknown>
  }
}

/** Stores replies and their uses, in a transaction that other writes share. */
export async function putCalls(
  transaction: CallStores,
  projectId: ProjectId,
  { user, replies, used }: CallWrites,
): Promise<void> {
  const calls = transaction.objectStore('calls')
  const uses = transaction.objectStore('callUses')
  await requestInParts(replies, async ([key, reply]) => {
    await calls.put({ projectId, key, reply })
  })
  await requestInParts(new Set([...replies.keys(), ...used]), async (key) => {
    await uses.put({ projectId, key, user })
  })
}

/** Stores replies and their uses. Throws `StorageFailed` if the project is gone. */
export async function writeCalls(db: Database, projectId: ProjectId, writes: CallWrites): Promise<void> {
  await writeInProject(db, projectId, ['calls', 'callUses'], (transaction) =>
    putCalls(transaction, projectId, writes),
  )
}

/** Addresses handled in one transaction. */
const KEYS_PER_WRITE = 1000

/** Deletes the uses of one user, and the replies that nothing uses any more. Returns how many replies were deleted. */
export async function forgetCalls(db: Database, projectId: ProjectId, user: CallUser): Promise<number> {
  let deleted = 0
  for (;;) {
    const some = await transact(
      db,
      ['calls', 'callUses'],
      'readwrite',
      async (transaction) => {
        const uses = transaction.objectStore('callUses')
        const calls = transaction.objectStore('calls')
        const keys = await uses.index('ofUser').getAllKeys([projectId, user], KEYS_PER_WRITE)
        let unused = 0
        await Promise.all(
          keys.map(async (useKey) => {
            const [, key] = useKey
            await uses.delete(useKey)
            const others = await uses.count(IDBKeyRange.bound([projectId, key], [projectId, key, []]))
            if (others > 0) return
            unused += 1
            await calls.delete([projectId, key])
          }),
        )
        return { keys: keys.length, unused }
      },
      undefined,
      [], // no other tab shows them
    )
    deleted += some.unused
    if (some.keys < KEYS_PER_WRITE) return deleted
  }
}
