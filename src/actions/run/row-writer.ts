// Knows: how rows reach the store soon and few transactions at a time: new ones as they end, old ones as something is found out.
// Must not know: what is found out.
import type { RowId } from '../../domain/id.ts'
import type { Row } from '../../domain/row.ts'

/** Milliseconds that a result waits at most, so that a crash loses no more than that. */
export const WRITE_WITHIN = 100

/** Changes rows of the store in one transaction: `put` new ones, `change` those that are there, read at that moment. */
export type WriteRows = (put: readonly Row[], change: ReadonlyMap<RowId, (row: Row) => Row>) => Promise<void>

export class RowWriter {
  readonly #write: WriteRows
  readonly #failure = new AbortController()
  #put = new Map<RowId, Row>()
  #change = new Map<RowId, (row: Row) => Row>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #going: Promise<void> = Promise.resolve()
  #thrown: unknown

  constructor(write: WriteRows) {
    this.#write = write
  }

  /** Ends when a write fails: what is being generated could not be stored. `drain` throws the reason. */
  get failed(): AbortSignal {
    return this.#failure.signal
  }

  /** A row that is not stored yet. */
  put(row: Row): void {
    this.#put.set(row.id, row)
    this.#soon()
  }

  /** A row that is stored, or waits to be. */
  change(id: RowId, change: (row: Row) => Row): void {
    const waiting = this.#put.get(id)
    const earlier = this.#change.get(id)
    if (waiting) this.#put.set(id, change(waiting))
    else this.#change.set(id, earlier ? (row) => change(earlier(row)) : change)
    this.#soon()
  }

  /** Resolves when all is stored; throws what a write threw. */
  async drain(): Promise<void> {
    this.#flush()
    await this.#going
    if (this.#failure.signal.aborted) throw this.#thrown
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), WRITE_WITHIN)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#put.size + this.#change.size === 0) return
    const [put, change] = [[...this.#put.values()], this.#change]
    this.#put = new Map()
    this.#change = new Map()
    // In line: a later write must find what an earlier one stored.
    this.#going = this.#going.then(async () => {
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
