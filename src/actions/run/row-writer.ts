// Knows: how rows are stored soon and in few transactions: new rows as they end, stored ones as they are decided.
// Must not know: what is decided.
import type { RowId } from '../../domain/id.ts'
import type { Row } from '../../domain/row.ts'

/** Max milliseconds that a result waits, so that a crash loses no more than that. */
export const WRITE_WITHIN = 100

/** Writes rows in one transaction: `put` new ones, `change` stored ones, read in that transaction. */
export type WriteRows = (put: readonly Row[], change: ReadonlyMap<RowId, (row: Row) => Row>) => Promise<void>

export class RowWriter {
  readonly #write: WriteRows
  readonly #failure = new AbortController()
  #put = new Map<RowId, Row>()
  #change = new Map<RowId, (row: Row) => Row>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #writing: Promise<void> = Promise.resolve()
  #thrown: unknown

  constructor(write: WriteRows) {
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
    if (this.#put.size + this.#change.size === 0) return
    const [put, change] = [[...this.#put.values()], this.#change]
    this.#put = new Map()
    this.#change = new Map()
    // In sequence: a later write must find what an earlier one stored.
    this.#writing = this.#writing.then(async () => {
      if (this.#failure.signal.aborted) return
      try {
        await this.#write(put, change)
      } catch (thrown) {
        this.#thrown = thrown
        this.#failure.abort()
      }
    })
  }
}
