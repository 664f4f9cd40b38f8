// Knows: how many requests are under way at once: fewer after the server said that it has too much to do, again more when it does not.
// Source of the rule: additive increase, multiplicative decrease (Chiu and Jain, 1989).

export class Lanes {
  readonly most: number
  #open: number
  #goodInARow = 0

  constructor(most: number) {
    this.most = most
    this.#open = most
  }

  /** Requests that may be under way now, from 1 to `most`. */
  get open(): number {
    return this.#open
  }

  /** One was turned away. */
  narrow(): void {
    this.#goodInARow = 0
    this.#open = Math.max(1, Math.floor(this.#open / 2))
  }

  /** One went well. */
  ease(): void {
    this.#goodInARow += 1
    if (this.#goodInARow < this.#open) return
    this.#goodInARow = 0
    this.#open = Math.min(this.most, this.#open + 1)
  }

  /** Works on all items, as many at once as are open; ends when none is under way. `work` throws nothing. */
  each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      let next = 0
      let underWay = 0
      const start = (): void => {
        while (underWay < this.#open && next < items.length) {
          const item = items[next++] as T
          underWay += 1
          void work(item).finally(() => {
            underWay -= 1
            start()
          })
        }
        if (underWay === 0 && next >= items.length) resolve()
      }
      start()
    })
  }
}
