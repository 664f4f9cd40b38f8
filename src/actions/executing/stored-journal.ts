// Knows: the journal of a project in storage, written together with the rows that follow from it. If a run finds most of its calls there, all
// of the journal is read at once: one address after the other, 100,000 would take a minute.
import type { ProjectId } from '../../domain/id.ts'
import type { Reply } from '../../domain/reply.ts'
import { eachCall, listUsedCalls, readCalls, type CallUser } from '../../storage/calls.ts'
import type { Database } from '../../storage/database.ts'
import type { RowWriter } from '../run/row-writer.ts'
import type { Journal } from './ports.ts'

/** Replies found one by one after which the rest is read at once. */
const READ_ALL_AFTER = 400
/** Max characters of replies in memory: up to 100 MB. Each reply is let out when it was read. */
const MAX_AHEAD = 50_000_000
/** Characters that a reply without a text counts as. */
const SMALL_REPLY = 150

export class StoredJournal implements Journal {
  readonly #db: Database
  readonly #projectId: ProjectId
  readonly #user: CallUser
  readonly #writer: Pick<RowWriter, 'record' | 'use' | 'drain' | 'failed'>
  /** Recorded since the last drain: perhaps not stored yet. */
  readonly #recent = new Set<string>()
  /** Found one by one. */
  #found = 0
  /** Read ahead and not yet used; undefined before. */
  #ahead: Map<string, Reply> | undefined
  /** Addresses that are stored as used by this user; undefined: all that were read ahead. */
  #used: ReadonlySet<string> | undefined = new Set()

  constructor(
    db: Database,
    projectId: ProjectId,
    user: CallUser,
    writer: Pick<RowWriter, 'record' | 'use' | 'drain' | 'failed'>,
  ) {
    this.#db = db
    this.#projectId = projectId
    this.#user = user
    this.#writer = writer
  }

  get failed(): AbortSignal {
    return this.#writer.failed
  }

  async read(keys: readonly string[]): Promise<ReadonlyMap<string, Reply>> {
    if (keys.some((key) => this.#recent.has(key))) await this.drain()
    if (this.#found >= READ_ALL_AFTER) this.#ahead ??= await this.#readAhead()
    const found = new Map<string, Reply>()
    const left: string[] = []
    for (const key of keys) {
      const reply = this.#ahead?.get(key)
      if (reply === undefined) left.push(key)
      else {
        found.set(key, reply)
        if (this.#used?.has(key) === false) this.#writer.use(key)
      }
      this.#ahead?.delete(key)
    }
    if (left.length > 0)
      for (const [key, reply] of await readCalls(this.#db, this.#projectId, left)) {
        found.set(key, reply)
        if (this.#used?.has(key) !== true) this.#writer.use(key)
      }
    if (this.#ahead === undefined) this.#found += found.size
    return found
  }

  record(key: string, reply: Reply): void {
    this.#recent.add(key)
    this.#writer.record(key, reply)
  }

  async drain(): Promise<void> {
    this.#recent.clear()
    await this.#writer.drain()
  }

  /** The replies of the project, as many as memory is given for; the others are still read one by one. */
  async #readAhead(): Promise<Map<string, Reply>> {
    const ahead = new Map<string, Reply>()
    this.#used = await listUsedCalls(this.#db, this.#projectId, this.#user)
    let characters = 0
    for await (const page of eachCall(this.#db, this.#projectId)) {
      for (const { key, reply } of page) {
        ahead.set(key, reply)
        characters += SMALL_REPLY
        if (reply.kind === 'complete')
          characters += reply.result.text.length + (reply.result.reasoning?.length ?? 0)
        else if (reply.kind === 'embed') characters += reply.result.vector.length
      }
      if (characters > MAX_AHEAD) break
    }
    return ahead
  }
}
