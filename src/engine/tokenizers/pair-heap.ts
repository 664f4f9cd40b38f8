// Knows: a queue of pairs, the most frequent first and, among equals, the smallest pair first.
// Must not know: what a pair is.

export interface CountedPair {
  readonly pair: number
  readonly count: number
  /** Words in which the pair was seen when this entry was made. */
  readonly places: readonly number[]
}

/** A binary heap. */
export class PairHeap {
  readonly #entries: CountedPair[] = []

  get size(): number {
    return this.#entries.length
  }

  push(entry: CountedPair): void {
    const entries = this.#entries
    let at = entries.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, entries[parent] as CountedPair)) break
      entries[at] = entries[parent] as CountedPair
      at = parent
    }
    entries[at] = entry
  }

  pop(): CountedPair | undefined {
    const entries = this.#entries
    const top = entries[0]
    const last = entries.pop()
    if (top === undefined || last === undefined || entries.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= entries.length) break
      if (child + 1 < entries.length && isBefore(entries[child + 1] as CountedPair, entries[child] as CountedPair)) child++
      if (!isBefore(entries[child] as CountedPair, last)) break
      entries[at] = entries[child] as CountedPair
      at = child
    }
    entries[at] = last
    return top
  }
}

const isBefore = (a: CountedPair, b: CountedPair): boolean => a.count > b.count || (a.count === b.count && a.pair < b.pair)
