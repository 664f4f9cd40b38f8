// Knows: the form of a self-check of the engine on the user's machine, and of its result.
import type { Runtime } from '../runtime/types.ts'

export type CheckGroup = 'products' | 'gradients' | 'losses' | 'rows' | 'training'

/** The result of one claim. */
export interface CheckResult {
  readonly group: CheckGroup
  readonly name: string
  readonly ok: boolean
  /** The largest difference found; NaN if there was no number. */
  readonly difference: number
  /** The largest difference that passes. */
  readonly bound: number
  /** Why nothing could be compared, if an error occurred. */
  readonly error?: string
}

/** A claim to check: `measure` returns the largest difference from the expected value, in the unit of its bound. */
export interface Claim {
  readonly group: CheckGroup
  readonly name: string
  readonly bound: number
  /** Only if there is another backend to compare with, or only on wasm. */
  readonly only?: 'with reference' | 'on wasm'
  readonly measure: (machine: CheckMachine) => Promise<number>
}

export interface CheckMachine {
  readonly runtime: Runtime
  /** Another backend to compare with; absent if the runtime is that backend. */
  readonly reference?: Runtime
}

/** Checks a claim. What `measure` throws becomes the `error` of the result; never throws. */
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
      error: thrown instanceof Error ? thrown.message : String(thrown),
    }
  }
}
