// Knows: the measured time per unit of each phase, and an estimate of the time left.
// Must not know: what the units are.
import { workNow } from '../../domain/work-clock.ts'

export type WorkPhase = 'growing' | 'completing' | 'judging'
type PerPhase = Readonly<Record<WorkPhase, number>>

/** Min units of a phase before its rate is used. */
const MIN_UNITS = 3
/** Fraction of max tokens that a completion is assumed to use before one is measured. */
const USED_TOKENS = 0.6
/** Time of a verdict relative to a completion before one is measured: it only prefills. */
const VERDICT_SHARE = 0.5
/** Prompts assumed per growth request before any is measured, to compare its tokens with a completion's. */
const PROMPTS_PER_REQUEST = 3

export class PhaseTimer {
  readonly #ms: Record<WorkPhase, number> = { growing: 0, completing: 0, judging: 0 }
  readonly #units: Record<WorkPhase, number> = { growing: 0, completing: 0, judging: 0 }
  readonly #clock: () => number
  #active: { readonly phase: WorkPhase; readonly since: number } | undefined

  constructor(clock: () => number = workNow) {
    this.#clock = clock
  }

  /** Milliseconds of work so far, without waits. */
  get workedMs(): number {
    return Math.round(this.#msOf('growing') + this.#msOf('completing') + this.#msOf('judging'))
  }

  /** Starts timing work of a phase; the returned function ends it. Waits in between do not count. */
  start(phase: WorkPhase): () => void {
    this.#stop()
    const active = { phase, since: this.#clock() }
    this.#active = active
    return () => {
      if (this.#active === active) this.#stop()
    }
  }

  count(phase: WorkPhase, units: number): void {
    this.#units[phase] += units
  }

  /**
   * Milliseconds for `left` units of each phase. The rate of a phase not reached yet is estimated from an earlier one; `undefined`
   * while there is no rate. `maxTokens`: the max tokens of a request of each phase.
   */
  msFor(
    left: PerPhase,
    maxTokens: { readonly growing: number; readonly completing: number },
  ): number | undefined {
    const growing = this.#rate('growing')
    const completing =
      this.#rate('completing') ??
      (growing === undefined || maxTokens.growing === 0
        ? undefined
        : (growing * PROMPTS_PER_REQUEST * USED_TOKENS * maxTokens.completing) / maxTokens.growing)
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
    return this.#units[phase] < MIN_UNITS ? undefined : this.#msOf(phase) / this.#units[phase]
  }

  #msOf(phase: WorkPhase): number {
    return this.#ms[phase] + (this.#active?.phase === phase ? this.#clock() - this.#active.since : 0)
  }

  #stop(): void {
    if (this.#active) this.#ms[this.#active.phase] += this.#clock() - this.#active.since
    this.#active = undefined
  }
}

const times = (units: number, ms: number | undefined): number | undefined =>
  units === 0 ? 0 : ms === undefined ? undefined : units * ms
