// Knows: a queue of pairs, the most frequent first and, among equals, the smallest pair first.
// Must not know: what a pair is.
import { Heap } from './heap.ts'

export interface CountedPair {
  readonly pair: number
  readonly count: number
  /** Words in which the pair was seen when this entry was made. */
  readonly places: readonly number[]
}

export class PairHeap extends Heap<CountedPair> {
  constructor() {
    super((a, b) => a.count > b.count || (a.count === b.count && a.pair < b.pair))
  }
}
