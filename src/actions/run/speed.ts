// Knows: tokens per second over the last few seconds, from counts that restart with every call.

/** Milliseconds over which the speed is measured. */
const WINDOW = 5000

export class Speed {
  #samples: { readonly tokens: number; readonly ms: number }[] = []

  /** A new call begins: its counts start at 0. The last speed stays until the new call has one. */
  reset(): void {
    const last = this.perSecond
    this.#samples = []
    this.#last = last
  }

  #last = 0

  /** Tokens and milliseconds since the call began. */
  addTokens(tokens: number, ms: number): void {
    this.#samples.push({ tokens, ms })
    while (this.#samples.length > 2 && ms - (this.#samples[1]?.ms ?? ms) >= WINDOW) this.#samples.shift()
  }

  get perSecond(): number {
    const newest = this.#samples.at(-1)
    if (!newest) return this.#last
    // A single sample is compared with the start of the call.
    const oldest =
      this.#samples.length > 1 ? (this.#samples[0] ?? { tokens: 0, ms: 0 }) : { tokens: 0, ms: 0 }
    const ms = newest.ms - oldest.ms
    return ms > 0 ? Math.max(0, ((newest.tokens - oldest.tokens) * 1000) / ms) : this.#last
  }
}
