// Knows: the measured time per unit of each part of a run, and an estimate of the time left.
// Must not know: what the units are.
import { workNow } from '../../domain/work-clock.ts'

/** A part of the work, with what is assumed of it before it is measured. */
export interface TimedPart {
  /** Index of its step. */
  readonly step: number
  /** Time of a unit relative to one of the first part after growing that is measured; 0 if it takes none worth counting. */
  readonly weight: number
}

/** Min units of a part before its rate is used. */
const MIN_UNITS = 3

export class PhaseTimer {
  readonly #ms = new Map<number, number>()
  readonly #units = new Map<number, number>()
  readonly #clock: () => number
  #active: { readonly step: number; readonly since: number } | undefined

  constructor(clock: () => number = workNow) {
    this.#clock = clock
  }

  /** Milliseconds of work so far, without waits. */
  get workedMs(): number {
    const steps = new Set([...this.#ms.keys(), ...(this.#active ? [this.#active.step] : [])])
    return Math.round([...steps].reduce((sum, step) => sum + this.msOf(step), 0))
  }

  /** Starts timing work of a step; the returned function ends it. Waits in between do not count. */
  start(step: number): () => void {
    this.#stop()
    const active = { step, since: this.#clock() }
    this.#active = active
    return () => {
      if (this.#active === active) this.#stop()
    }
  }

  /** Milliseconds of work of a step so far. */
  msOf(step: number): number {
    return (this.#ms.get(step) ?? 0) + (this.#active?.step === step ? this.#clock() - this.#active.since : 0)
  }

  count(step: number, units: number): void {
    this.#units.set(step, (this.#units.get(step) ?? 0) + units)
  }

  /**
   * Milliseconds for the units left of each part. The rate of a part not reached yet is estimated from those that were, by their weights;
   * `undefined` while there is no rate.
   */
  msFor(parts: readonly (TimedPart & { readonly left: number })[]): number | undefined {
    const measured = parts.find(({ step, weight }) => weight > 0 && this.#rate(step) !== undefined)
    const unit = measured && (this.#rate(measured.step) ?? 0) / measured.weight
    let sum = 0
    for (const { step, weight, left } of parts) {
      if (left === 0 || weight === 0) continue
      const rate = this.#rate(step) ?? (unit === undefined ? undefined : unit * weight)
      if (rate === undefined) return undefined
      sum += left * rate
    }
    return Math.round(sum)
  }

  #rate(step: number): number | undefined {
    const units = this.#units.get(step) ?? 0
    return units < MIN_UNITS ? undefined : this.msOf(step) / units
  }

  #stop(): void {
    const active = this.#active
    if (active) this.#ms.set(active.step, (this.#ms.get(active.step) ?? 0) + this.#clock() - active.since)
    this.#active = undefined
  }
}
