// Knows: the journal of a project in storage, written together with the rows that follow from it.
import type { ProjectId } from '../../domain/id.ts'
import type { Reply } from '../../domain/reply.ts'
import { readCalls } from '../../storage/calls.ts'
import type { Database } from '../../storage/database.ts'
import type { RowWriter } from '../run/row-writer.ts'
import type { Journal } from './ports.ts'

export class StoredJournal implements Journal {
  readonly #db: Database
  readonly #projectId: ProjectId
  readonly #writer: Pick<RowWriter, 'record' | 'use' | 'drain' | 'failed'>
  /** Recorded since the last drain: perhaps not stored yet. */
  readonly #recent = new Set<string>()

  constructor(
    db: Database,
    projectId: ProjectId,
    writer: Pick<RowWriter, 'record' | 'use' | 'drain' | 'failed'>,
  ) {
    this.#db = db
    this.#projectId = projectId
    this.#writer = writer
  }

  get failed(): AbortSignal {
    return this.#writer.failed
  }

  async read(keys: readonly string[]): Promise<ReadonlyMap<string, Reply>> {
    if (keys.some((key) => this.#recent.has(key))) await this.drain()
    const found = await readCalls(this.#db, this.#projectId, keys)
    for (const key of found.keys()) this.#writer.use(key)
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
}
