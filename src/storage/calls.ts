// Knows: the journal in storage: replies of calls by their address in a project, kept as long as a run or a trial uses them.
import type { ProjectId, RunId, StudentId } from '../domain/id.ts'
import type { Reply } from '../domain/reply.ts'
import { RELAXED, type Database } from './database.ts'
import { requestInParts } from './parts.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'
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
/** Requests made at a time: the database reads some records while the page takes others. */
const PAGES_AHEAD = 4
/** Max hexadecimal digits that the store is divided by. */
const MAX_DIGITS = 3

/**
 * The records of a store whose keys begin with a project and an address, in pages of up to CALLS_PER_PAGE. Addresses are hashes: ranges
 * by their first digits have about as many records each, so that several are requested at a time without knowing where a page ends.
 */
async function* eachPage<Item>(
  projectId: ProjectId,
  count: number,
  read: (range: IDBKeyRange, max: number) => Promise<Item[]>,
  keyOf: (item: Item) => [projectId: string, key: string, ...rest: string[]],
): AsyncGenerator<readonly Item[]> {
  let digits = 0
  while (digits < MAX_DIGITS && count / 16 ** digits > CALLS_PER_PAGE) digits += 1
  const parts = 16 ** digits
  const bound = (part: number): IDBValidKey[] => [
    projectId,
    ...(part === 0 ? [] : part === parts ? [[]] : [part.toString(16).padStart(digits, '0')]),
  ]
  const request = (lower: IDBValidKey, part: number): Promise<Item[]> =>
    read(IDBKeyRange.bound(lower, bound(part + 1), lower !== bounds[part], true), CALLS_PER_PAGE)
  const bounds = Array.from({ length: parts }, (_, part) => bound(part))
  const requested: Promise<Item[]>[] = []
  const requestNext = (): void => {
    const part = requested.length
    const lower = bounds[part]
    if (lower === undefined) return
    const page = request(lower, part)
    page.catch(() => undefined) // thrown when its turn comes, if it does
    requested.push(page)
  }
  while (requested.length < Math.min(parts, PAGES_AHEAD)) requestNext()
  for (let part = 0; part < parts; part++) {
    let page = (await requested[part]) ?? []
    delete requested[part]
    requestNext()
    yield page
    // A range may have more than a page: addresses in a file from elsewhere need not be spread evenly.
    for (let last = page.at(-1); last !== undefined && page.length === CALLS_PER_PAGE; last = page.at(-1)) {
      page = await request(keyOf(last), part)
      yield page
    }
  }
}

/**
 * Addresses of all replies that a user uses; undefined if these are all replies of the project, as after a run that is the project's only
 * one: then they need not be listed.
 */
export async function listUsedCalls(
  db: Database,
  projectId: ProjectId,
  user: CallUser,
): Promise<Set<string> | undefined> {
  const [stored, used, ofAll] = await Promise.all([
    countCalls(db, projectId),
    db.countFromIndex('callUses', 'ofUser', [projectId, user]),
    db.count('callUses', within(projectId)),
  ])
  if (used === stored) return undefined
  const keys = new Set<string>()
  const read = (range: IDBKeyRange, max: number) => db.getAllKeys('callUses', range, max)
  for await (const page of eachPage(projectId, ofAll, read, (key) => key))
    for (const [, key, one] of page) if (one === user) keys.add(key)
  return keys
}

/** All replies of a project, in pages: reading many in their order takes a tenth of the time of reading each by its address. */
export async function* eachCall(
  db: Database,
  projectId: ProjectId,
): AsyncGenerator<readonly { readonly key: string; readonly reply: Reply }[]> {
  const count = await countCalls(db, projectId)
  const read = (range: IDBKeyRange, max: number) => db.getAll('calls', range, max)
  yield* eachPage(projectId, count, read, ({ key }) => [projectId, key])
}

/** A reply with its address and what uses it, as a project's file has it. */
export interface SavedCall {
  readonly key: string
  readonly users: readonly string[]
  readonly reply: Reply
}

export const countCalls = (db: Database, projectId: ProjectId): Promise<number> =>
  db.count('calls', within(projectId))

/** All replies of a project with their users, in pages. */
export async function* eachSavedCall(
  db: Database,
  projectId: ProjectId,
): AsyncGenerator<readonly SavedCall[]> {
  for await (const page of eachCall(db, projectId)) {
    const [first] = page
    const last = page.at(-1)
    if (first === undefined || last === undefined) continue
    const users = new Map<string, string[]>()
    const range = IDBKeyRange.bound([projectId, first.key], [projectId, last.key, []])
    for (const [, key, user] of await db.getAllKeys('callUses', range)) {
      const known = users.get(key)
      if (known) known.push(user)
      else users.set(key, [user])
    }
    yield page.map(({ key, reply }) => ({ key, users: users.get(key) ?? [], reply }))
  }
}

/** Stores replies with their users in one transaction, before or after their project: all or none. */
export async function putSavedCalls(
  db: Database,
  projectId: ProjectId,
  saved: readonly SavedCall[],
): Promise<void> {
  await transact(
    db,
    ['calls', 'callUses'],
    'readwrite',
    async (transaction) => {
      const calls = transaction.objectStore('calls')
      const uses = transaction.objectStore('callUses')
      await requestInParts(saved, async ({ key, reply }) => calls.put({ projectId, key, reply }))
      await requestInParts(
        saved.flatMap(({ key, users }) => users.map((user) => ({ projectId, key, user }))),
        async (use) => uses.put(use),
      )
    },
    RELAXED,
  )
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
