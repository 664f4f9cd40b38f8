// Knows: what a check of the engine on one's own machine answers.
import type { Runtime } from '../runtime/types.ts'

export type CheckGroup = 'gradients' | 'losses' | 'rows' | 'training'

/** One claim, and by how much it held. */
export interface CheckResult {
  readonly group: CheckGroup
  readonly name: string
  readonly ok: boolean
  /** The largest difference found; NaN where there was no number. */
  readonly difference: number
  /** The largest that is let pass. */
  readonly bound: number
  /** Why nothing could be compared, where that is so. */
  readonly fault?: string
}

/** A claim to be tried: gives the largest difference from what should be, in the unit of its bound. */
export interface Claim {
  readonly group: CheckGroup
  readonly name: string
  readonly bound: number
  /** Only where there is another backend to compare with, or only on wasm. */
  readonly only?: 'with reference' | 'on wasm'
  readonly measure: (machine: CheckMachine) => Promise<number>
}

export interface CheckMachine {
  readonly runtime: Runtime
  /** Another backend to compare with; absent where the runtime is that one itself. */
  readonly reference?: Runtime
}

/** Tries a claim. What it throws is its fault; it never throws but for an abort between claims. */
export async function tryClaim(
  { group, name, bound, measure }: Claim,
  machine: CheckMachine,
): Promise<CheckResult> {
  try {
    const difference = await measure(machine)
    return { group, name, ok: difference <= bound, difference, bound }
  } catch (thrown) {
    return {
      group,
      name,
      ok: false,
      difference: Number.NaN,
      bound,
      fault: thrown instanceof Error ? thrown.message : String(thrown),
    }
  }
}
