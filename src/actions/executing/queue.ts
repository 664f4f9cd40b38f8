// Knows: a queue whose front is taken in constant time, however long it is: `shift` of a long array moves all of its items.

/** Taken items that are kept before the list is cut. */
const MAX_TAKEN = 4096

export class Queue<Item> {
  #items: (Item | undefined)[] = []
  #taken = 0

  push(item: Item): void {
    this.#items.push(item)
  }

  /** The item that was added first; undefined if there is none. */
  shift(): Item | undefined {
    const item = this.#items[this.#taken]
    if (this.#taken >= this.#items.length) return undefined
    this.#items[this.#taken] = undefined
    this.#taken += 1
    if (
      this.#taken === this.#items.length ||
      (this.#taken >= MAX_TAKEN && 2 * this.#taken >= this.#items.length)
    ) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }
}
