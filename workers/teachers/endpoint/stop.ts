// Knows: how a streamed text is cut at the first of several stop texts, wherever its chunks are split.

export class StopCut {
  readonly #stops: readonly string[]
  readonly #longest: number
  #text = ''
  /** Its last characters, as many as the longest stop text has. */
  #end = ''
  #stopped = false

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
    this.#longest = Math.max(0, ...this.#stops.map((stop) => stop.length))
  }

  /** Whether a stop text was found. */
  get stopped(): boolean {
    return this.#stopped
  }
  /** The text so far, up to a stop text. */
  get text(): string {
    return this.#text
  }
  /** The text that can be shown: without a suffix that may be the start of a stop text. */
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
    const before = this.#text.length
    this.#text += piece
    if (this.#longest === 0) return
    // A stop text may begin in an earlier chunk; only so much of it is searched again.
    const end = this.#end + piece
    const from = before - this.#end.length
    this.#end = end.slice(-this.#longest)
    const found = this.#stops.map((stop) => end.indexOf(stop)).filter((at) => at >= 0)
    if (found.length === 0) return
    this.#text = this.#text.slice(0, from + Math.min(...found))
    this.#stopped = true
  }
}
