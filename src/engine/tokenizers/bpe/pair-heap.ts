// Knows: a priority queue of pairs: most frequent first, then smallest pair.
// Must not know: what a pair is.
import { Heap } from './heap.ts'

export interface CountedPair {
  readonly pair: number
  readonly count: number
  /** Words that contained the pair when this entry was made. */
  readonly words: readonly number[]
}

export class PairHeap extends Heap<CountedPair> {
  constructor() {
    super((a, b) => a.count > b.count || (a.count === b.count && a.pair < b.pair))
  }
}
