// Knows: how fast training goes, and how often it is told.

/** Steps are told ten times a second at most. */
const TELL_EVERY_MS = 100
/** Speed is that of the last seconds: rows differ in length. */
const WINDOW_MS = 5000

/** Steps of a kind that are to come. */
export type StepsLeft = readonly (readonly [kind: string, steps: number])[]

/** Tokens a second, time left, and whether it is time to tell. Steps of one kind take about as long; of another kind, perhaps much longer. */
export class Pace {
  readonly #now: () => number
  #steps = 0
  /** Time and number of the steps of each kind, and time that passed between steps. */
  readonly #spent = new Map<string, { ms: number; steps: number }>()
  readonly #expected = new Map<string, number>()
  #between = 0
  #mark: number
  #told = Number.NEGATIVE_INFINITY
  #recent: { readonly at: number; readonly tokens: number }[]

  constructor(now: () => number) {
    this.#now = now
    this.#mark = now()
    this.#recent = [{ at: this.#mark, tokens: 0 }]
  }

  /** A step of a kind is done, of so many tokens (padding left out). */
  count(tokens: number, kind = ''): void {
    this.#steps++
    const at = this.#now()
    const { ms, steps } = this.#spent.get(kind) ?? { ms: 0, steps: 0 }
    this.#spent.set(kind, { ms: ms + at - this.#mark, steps: steps + 1 })
    this.#mark = at
    this.#recent.push({ at, tokens })
    while (this.#recent.length > 2 && at - (this.#recent[0]?.at ?? at) > WINDOW_MS) this.#recent.shift()
  }

  /** Steps begin only now. */
  begin(): void {
    this.#mark = this.#now()
    this.#recent = [{ at: this.#mark, tokens: 0 }]
  }

  /** Steps go on after something else took time: the speed is told without it. */
  goOn(): void {
    const at = this.#now()
    this.#between += at - this.#mark
    this.#mark = at
    this.#recent = [{ at, tokens: 0 }]
  }

  get tokensPerSecond(): number {
    const ms = (this.#recent.at(-1)?.at ?? 0) - (this.#recent[0]?.at ?? 0)
    return ms > 0 ? (1000 * this.#recent.slice(1).reduce((sum, { tokens }) => sum + tokens, 0)) / ms : 0
  }

  /** So long a step of this kind may take beyond one of another kind, until one was done. */
  expect(kind: string, ms: number): void {
    this.#expected.set(kind, ms)
  }

  /** Milliseconds for so many steps more of each kind, looks and checkpoints included; NaN where nothing is known of a kind. */
  msFor(left: StepsLeft): number {
    if (this.#steps === 0) return 0
    const between = (this.#between + this.#now() - this.#mark) / this.#steps
    return left.reduce(
      (sum, [kind, steps]) => sum + (steps > 0 ? steps * (between + this.#msOf(kind)) : 0),
      0,
    )
  }

  #msOf(kind: string): number {
    const known = this.#spent.get(kind)
    if (known) return known.ms / known.steps
    const others = [...this.#spent.values()].reduce((sum, { ms }) => sum + ms, 0) / this.#steps
    return others + (this.#expected.get(kind) ?? Number.NaN)
  }

  /** True where a step may be told now, or `must` be. */
  mayTell(must: boolean): boolean {
    const at = this.#now()
    if (!must && at - this.#told < TELL_EVERY_MS) return false
    this.#told = at
    return true
  }
}
