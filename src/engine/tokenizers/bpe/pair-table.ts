// Knows: a compact, fast map from pairs of numbers to numbers, for half a million entries.
// Must not know: what they mean.

/** A hash table with open addressing. Pairs and values are whole numbers from 0. */
export class PairTable {
  readonly #mask: number
  readonly #lefts: Int32Array
  readonly #rights: Int32Array
  readonly #values: Int32Array

  /** `maxPairs`: max number of entries. */
  constructor(maxPairs: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * maxPairs + 2))
    this.#mask = size - 1
    this.#lefts = new Int32Array(size).fill(-1)
    this.#rights = new Int32Array(size)
    this.#values = new Int32Array(size)
  }

  /** Overwrites an earlier value of the pair. */
  put(left: number, right: number, value: number): void {
    const at = this.#find(left, right)
    this.#lefts[at] = left
    this.#rights[at] = right
    this.#values[at] = value
  }

  get(left: number, right: number): number | undefined {
    const at = this.#find(left, right)
    return this.#lefts[at] === left ? this.#values[at] : undefined
  }

  /** Index of the pair, or of the free entry for it: half of all entries stay free, so there is one. */
  #find(left: number, right: number): number {
    let at = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0
    at = (at ^ (at >>> 15)) & this.#mask
    while (this.#lefts[at] !== -1 && !(this.#lefts[at] === left && this.#rights[at] === right))
      at = (at + 1) & this.#mask
    return at
  }
}
