// Knows: the memory of keys and values: pages of 16 positions with all layers, which rows and prefixes share until one is written.
// Must not know: which rows there are (generation/kernel-cache.ts).
import type { DecoderShape } from '../models/shape.ts'
import type { KernelHeap } from './heap.ts'
import { PAGE_POSITIONS } from './layouts.ts'

export class PagePool {
  readonly pageBytes: number
  /** Bytes of a layer in a page. */
  readonly layerBytes: number
  readonly #heap: KernelHeap
  readonly #free: number[] = []
  /** Users of each page that is in use. */
  readonly #users = new Map<number, number>()

  constructor(heap: KernelHeap, { layers, kvHeads, headWidth }: DecoderShape) {
    this.#heap = heap
    this.layerBytes = kvHeads * headWidth * PAGE_POSITIONS * 2 * 4
    this.pageBytes = layers * this.layerBytes
  }

  /** Pages in use. */
  get used(): number {
    return this.#users.size
  }

  /** A page of its own; what it contains was written by others. Throws EngineError `out-of-memory`. */
  take(): number {
    const page = this.#free.pop() ?? this.#heap.allocate(this.pageBytes)
    this.#users.set(page, 1)
    return page
  }

  /** Adds a user of a page. */
  share(page: number): number {
    this.#users.set(page, this.#usersOf(page) + 1)
    return page
  }

  release(page: number): void {
    const users = this.#usersOf(page)
    if (users > 1) this.#users.set(page, users - 1)
    else {
      this.#users.delete(page)
      this.#free.push(page)
    }
  }

  /** The page itself if it has one user; else a copy in its place. */
  own(page: number): number {
    if (this.#usersOf(page) === 1) return page
    const copy = this.take()
    this.#heap.bytes.copyWithin(copy, page, page + this.pageBytes)
    this.release(page)
    return copy
  }

  #usersOf(page: number): number {
    const users = this.#users.get(page)
    if (users === undefined) throw new RangeError(`page ${page} is not in use`)
    return users
  }
}

/** The pages of one row or prefix, and the tokens in them. */
export class PageList {
  readonly #pool: PagePool
  pages: number[] = []
  length = 0

  constructor(pool: PagePool) {
    this.#pool = pool
  }

  get bytes(): number {
    return this.pages.length * this.#pool.pageBytes
  }

  /** Begins with the first `tokens` tokens of another; nothing is copied until one of them grows. */
  attach(other: PageList, tokens: number): void {
    if (this.length > 0) throw new RangeError('the row has tokens already')
    if (tokens > other.length) throw new RangeError(`${tokens} of ${other.length} tokens were requested`)
    this.clear()
    this.pages = other.pages
      .slice(0, Math.ceil(tokens / PAGE_POSITIONS))
      .map((page) => this.#pool.share(page))
    this.length = tokens
  }

  /** Makes room for `count` more tokens that only this list writes. */
  grow(count: number): void {
    const last = Math.floor(this.length / PAGE_POSITIONS)
    const page = this.pages[last]
    if (page !== undefined && count > 0) this.pages[last] = this.#pool.own(page)
    while (this.pages.length * PAGE_POSITIONS < this.length + count) this.pages.push(this.#pool.take())
  }

  clear(): void {
    for (const page of this.pages) this.#pool.release(page)
    this.pages = []
    this.length = 0
  }
}
