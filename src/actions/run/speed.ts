// Knows: tokens a second over the last few seconds, from counts that start anew with every call.

/** Milliseconds that the speed looks back. */
const WINDOW = 5000

export class Speed {
  #heard: { readonly tokens: number; readonly ms: number }[] = []

  /** A call begins: its counts start at 0. The last speed stays until the new call has told one. */
  rest(): void {
    const last = this.perSecond
    this.#heard = []
    this.#last = last
  }

  #last = 0

  /** Tokens and milliseconds since the call began. */
  hear(tokens: number, ms: number): void {
    this.#heard.push({ tokens, ms })
    while (this.#heard.length > 2 && ms - (this.#heard[1]?.ms ?? ms) >= WINDOW) this.#heard.shift()
  }

  get perSecond(): number {
    const newest = this.#heard.at(-1)
    if (!newest) return this.#last
    // One report alone is compared with the call's beginning.
    const oldest = this.#heard.length > 1 ? (this.#heard[0] ?? { tokens: 0, ms: 0 }) : { tokens: 0, ms: 0 }
    const ms = newest.ms - oldest.ms
    return ms > 0 ? Math.max(0, ((newest.tokens - oldest.tokens) * 1000) / ms) : this.#last
  }
}
