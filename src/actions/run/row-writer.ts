// Knows: how what a run makes is stored soon and in few transactions: replies as they arrive, new rows as they end, stored ones as they are
// decided. A row is never stored before the replies that it follows from.
// Must not know: what is decided.
import type { RowId } from '../../domain/id.ts'
import type { Reply } from '../../domain/reply.ts'
import type { Row } from '../../domain/row.ts'

/** Max milliseconds that a result waits, so that a crash loses no more than that. */
export const WRITE_WITHIN = 100

/** What goes into one transaction: new rows, changes of stored ones (read in that transaction), replies, and addresses of used ones. */
export interface Writes {
  readonly put: readonly Row[]
  readonly change: ReadonlyMap<RowId, (row: Row) => Row>
  readonly replies: ReadonlyMap<string, Reply>
  readonly used: ReadonlySet<string>
}

export class RowWriter {
  readonly #write: (writes: Writes) => Promise<void>
  readonly #failure = new AbortController()
  #put = new Map<RowId, Row>()
  #change = new Map<RowId, (row: Row) => Row>()
  #replies = new Map<string, Reply>()
  #used = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #writing: Promise<void> = Promise.resolve()
  #thrown: unknown

  constructor(write: (writes: Writes) => Promise<void>) {
    this.#write = write
  }

  /** Aborts when a write fails: results being generated could not be stored. `drain` throws the reason. */
  get failed(): AbortSignal {
    return this.#failure.signal
  }

  /** Adds a row that is not stored yet. */
  put(row: Row): void {
    this.#put.set(row.id, row)
    this.#scheduleFlush()
  }

  /** Changes a row that is stored or waiting to be. */
  change(id: RowId, change: (row: Row) => Row): void {
    const waiting = this.#put.get(id)
    const earlier = this.#change.get(id)
    if (waiting) this.#put.set(id, change(waiting))
    else this.#change.set(id, earlier ? (row) => change(earlier(row)) : change)
    this.#scheduleFlush()
  }

  /** Adds a reply under its address. */
  record(key: string, reply: Reply): void {
    this.#replies.set(key, reply)
    this.#scheduleFlush()
  }

  /** Adds that the run uses a reply that is stored. */
  use(key: string): void {
    this.#used.add(key)
    this.#scheduleFlush()
  }

  /** Resolves when everything is stored; throws what a write threw. */
  async drain(): Promise<void> {
    this.#flush()
    await this.#writing
    if (this.#failure.signal.aborted) throw this.#thrown
  }

  #scheduleFlush(): void {
    this.#timer ??= setTimeout(() => this.#flush(), WRITE_WITHIN)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#put.size + this.#change.size + this.#replies.size + this.#used.size === 0) return
    const writes: Writes = {
      put: [...this.#put.values()],
      change: this.#change,
      replies: this.#replies,
      used: this.#used,
    }
    this.#put = new Map()
    this.#change = new Map()
    this.#replies = new Map()
    this.#used = new Set()
    // In sequence: a later write must find what an earlier one stored.
    this.#writing = this.#writing.then(async () => {
      if (this.#failure.signal.aborted) return
      try {
        await this.#write(writes)
      } catch (thrown) {
        this.#thrown = thrown
        this.#failure.abort()
      }
    })
  }
}
