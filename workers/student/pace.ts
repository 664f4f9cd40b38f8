// Knows: how fast training runs, and how often it is reported.

/** Steps are reported at most ten times a second. */
const EMIT_EVERY_MS = 100
/** Speed is measured over the last seconds: rows differ in length. */
const WINDOW_MS = 5000

/** Number of remaining steps of each kind. */
export type StepsLeft = readonly (readonly [kind: string, steps: number])[]

/** Tokens per second, time left, and whether a report is due. Steps of one kind take about equally long; another kind may take much longer. */
export class Pace {
  readonly #now: () => number
  #steps = 0
  /** Time and number of the steps of each kind, and the time between steps. */
  readonly #spent = new Map<string, { ms: number; steps: number }>()
  readonly #expected = new Map<string, number>()
  #between = 0
  #since: number
  #emittedAt = Number.NEGATIVE_INFINITY
  #recent: { readonly at: number; readonly tokens: number }[]

  constructor(now: () => number) {
    this.#now = now
    this.#since = now()
    this.#recent = [{ at: this.#since, tokens: 0 }]
  }

  /** Counts a finished step of a kind with its number of tokens (without padding). */
  count(tokens: number, kind = ''): void {
    this.#steps++
    const at = this.#now()
    const { ms, steps } = this.#spent.get(kind) ?? { ms: 0, steps: 0 }
    this.#spent.set(kind, { ms: ms + at - this.#since, steps: steps + 1 })
    this.#since = at
    this.#recent.push({ at, tokens })
    while (this.#recent.length > 2 && at - (this.#recent[0]?.at ?? at) > WINDOW_MS) this.#recent.shift()
  }

  /** Starts the clock: steps begin now. */
  start(): void {
    this.#since = this.#now()
    this.#recent = [{ at: this.#since, tokens: 0 }]
  }

  /** Resumes after something other than a step took time, which does not count in the speed. */
  resume(): void {
    const at = this.#now()
    this.#between += at - this.#since
    this.#since = at
    this.#recent = [{ at, tokens: 0 }]
  }

  get tokensPerSecond(): number {
    const ms = (this.#recent.at(-1)?.at ?? 0) - (this.#recent[0]?.at ?? 0)
    return ms > 0 ? (1000 * this.#recent.slice(1).reduce((sum, { tokens }) => sum + tokens, 0)) / ms : 0
  }

  /** Sets how much longer a step of this kind is expected to take than other kinds, until the first one is measured. */
  expect(kind: string, ms: number): void {
    this.#expected.set(kind, ms)
  }

  /** Estimated milliseconds of the remaining steps, evaluations and checkpoints included; NaN if a kind has no estimate. */
  msFor(left: StepsLeft): number {
    if (this.#steps === 0) return 0
    const between = (this.#between + this.#now() - this.#since) / this.#steps
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

  /** True if a step may be reported now, or `must` be. */
  mayEmit(must: boolean): boolean {
    const at = this.#now()
    if (!must && at - this.#emittedAt < EMIT_EVERY_MS) return false
    this.#emittedAt = at
    return true
  }
}
