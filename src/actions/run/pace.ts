// Knows: how long a unit of each phase takes, measured, and from that how long the rest will.
// Must not know: what the units are.

export type WorkPhase = 'growing' | 'completing' | 'judging'
type PerPhase = Readonly<Record<WorkPhase, number>>

/** Units of a phase that must be there before their rate is believed. */
const ENOUGH = 3
/** Share of its allowed tokens that a completion is taken to use before one was measured. */
const USED_TOKENS = 0.6
/** A verdict against a completion before one was measured: it reads more and writes nothing. */
const VERDICT_SHARE = 0.5
/** Prompts that a growth request brings, before any was measured, to compare its tokens with a completion's. */
const PROMPTS_A_REQUEST = 3

export class Pace {
  readonly #ms: Record<WorkPhase, number> = { growing: 0, completing: 0, judging: 0 }
  readonly #units: Record<WorkPhase, number> = { growing: 0, completing: 0, judging: 0 }
  readonly #clock: () => number
  #going: { readonly phase: WorkPhase; readonly since: number } | undefined

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  /** Milliseconds of work so far, waits left out. */
  get workedMs(): number {
    return Math.round(this.#msOf('growing') + this.#msOf('completing') + this.#msOf('judging'))
  }

  /** Work of a phase begins; the returned function ends it. Waits in between do not count. */
  start(phase: WorkPhase): () => void {
    this.#stop()
    const going = { phase, since: this.#clock() }
    this.#going = going
    return () => {
      if (this.#going === going) this.#stop()
    }
  }

  count(phase: WorkPhase, units: number): void {
    this.#units[phase] += units
  }

  /**
   * Milliseconds for so many units of each phase. A phase that was not reached yet is guessed from one that was, until its own
   * rate is there; `undefined` while nothing can be told. `tokens`: the most that a request of a phase may write.
   */
  msFor(
    left: PerPhase,
    tokens: { readonly growing: number; readonly completing: number },
  ): number | undefined {
    const growing = this.#rate('growing')
    const completing =
      this.#rate('completing') ??
      (growing === undefined || tokens.growing === 0
        ? undefined
        : (growing * PROMPTS_A_REQUEST * USED_TOKENS * tokens.completing) / tokens.growing)
    const judging =
      this.#rate('judging') ?? (completing === undefined ? undefined : completing * VERDICT_SHARE)
    const parts = [
      times(left.growing, growing),
      times(left.completing, completing),
      times(left.judging, judging),
    ]
    return parts.includes(undefined)
      ? undefined
      : Math.round(parts.reduce((sum: number, part) => sum + (part ?? 0), 0))
  }

  #rate(phase: WorkPhase): number | undefined {
    return this.#units[phase] < ENOUGH ? undefined : this.#msOf(phase) / this.#units[phase]
  }

  #msOf(phase: WorkPhase): number {
    return this.#ms[phase] + (this.#going?.phase === phase ? this.#clock() - this.#going.since : 0)
  }

  #stop(): void {
    if (this.#going) this.#ms[this.#going.phase] += this.#clock() - this.#going.since
    this.#going = undefined
  }
}

const times = (units: number, ms: number | undefined): number | undefined =>
  units === 0 ? 0 : ms === undefined ? undefined : units * ms
