// Knows: how a text that comes in pieces is cut at the first of several stop texts, wherever the pieces' borders lie.

export class StopCut {
  readonly #stops: readonly string[]
  readonly #longest: number
  #text = ''
  #stopped = false

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
    this.#longest = Math.max(0, ...this.#stops.map((stop) => stop.length))
  }

  /** A stop text has come. */
  get stopped(): boolean {
    return this.#stopped
  }
  /** All so far, up to a stop text. */
  get text(): string {
    return this.#text
  }
  /** What can be shown: without an end that may be the beginning of a stop text. */
  get shown(): string {
    if (this.#stopped) return this.#text
    for (let length = Math.min(this.#longest - 1, this.#text.length); length > 0; length--) {
      const end = this.#text.slice(-length)
      if (this.#stops.some((stop) => stop.startsWith(end))) return this.#text.slice(0, -length)
    }
    return this.#text
  }

  add(piece: string): void {
    if (this.#stopped || piece === '') return
    // A stop text may begin in what came earlier.
    const from = Math.max(0, this.#text.length - this.#longest + 1)
    this.#text += piece
    const found = this.#stops.map((stop) => this.#text.indexOf(stop, from)).filter((at) => at >= 0)
    if (found.length === 0) return
    this.#text = this.#text.slice(0, Math.min(...found))
    this.#stopped = true
  }
}
