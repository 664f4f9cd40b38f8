// Knows: how fast training goes, and how often it is told.

/** Steps are told ten times a second at most. */
const TELL_EVERY_MS = 100
/** Speed is that of the last seconds: rows differ in length. */
const WINDOW_MS = 5000

/** Tokens a second, time left, and whether it is time to tell. */
export class Pace {
  readonly #now: () => number
  readonly #began: number
  #steps = 0
  #told = Number.NEGATIVE_INFINITY
  #recent: { readonly at: number; readonly tokens: number }[]

  constructor(now: () => number) {
    this.#now = now
    this.#began = now()
    this.#recent = [{ at: this.#began, tokens: 0 }]
  }

  /** A step is done, of so many tokens (padding left out). */
  count(tokens: number): void {
    this.#steps++
    const at = this.#now()
    this.#recent.push({ at, tokens })
    while (this.#recent.length > 2 && at - (this.#recent[0]?.at ?? at) > WINDOW_MS) this.#recent.shift()
  }

  /** Steps go on after something else took time: the speed is told without it. */
  goOn(): void {
    this.#recent = [{ at: this.#now(), tokens: 0 }]
  }

  get tokensPerSecond(): number {
    const ms = (this.#recent.at(-1)?.at ?? 0) - (this.#recent[0]?.at ?? 0)
    return ms > 0 ? (1000 * this.#recent.slice(1).reduce((sum, { tokens }) => sum + tokens, 0)) / ms : 0
  }

  /** Milliseconds for so many steps more, looks and checkpoints included. */
  msFor(steps: number): number {
    return this.#steps ? ((this.#now() - this.#began) / this.#steps) * steps : 0
  }

  /** True where a step may be told now, or `must` be. */
  mayTell(must: boolean): boolean {
    const at = this.#now()
    if (!must && at - this.#told < TELL_EVERY_MS) return false
    this.#told = at
    return true
  }
}
