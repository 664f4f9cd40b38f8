// Knows: the result of a check in a real browser, and how numbers are compared there.

/** One claim and whether it held, with the numbers. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** Request and response of a worker of checks. */
export interface ChecksRequest {
  readonly kind:
    | 'gradients'
    | 'training'
    | 'engine'
    | 'architectures'
    | 'kernels'
    | 'large-model'
    | 'foreign'
    | 'claims'
    | 'storage'
    | 'full-disk'
  /** For the engine's checks. */
  readonly backend: 'wasm' | 'webgpu'
}
export type ChecksResponse = { readonly checks: readonly Check[] } | { readonly error: string }

/** A claim that a number is at most a bound; NaN fails. */
export const checkAtMost = (name: string, value: number, bound: number): Check => ({
  name,
  ok: value <= bound,
  detail: `${value.toExponential(2)}, max ${bound.toExponential(0)}`,
})

/** A claim that two things are the same, as JSON writes them. */
export function checkSame(name: string, value: unknown, wanted: unknown): Check {
  const [is, should] = [JSON.stringify(value) ?? 'nothing', JSON.stringify(wanted) ?? 'nothing']
  return { name, ok: is === should, detail: is === should ? is : `${is}, and it should be ${should}` }
}

/** Runs one claim; what it throws is its failure. */
export async function checkThat(name: string, claim: () => Promise<Check>): Promise<Check> {
  try {
    return await claim()
  } catch (thrown) {
    return {
      name,
      ok: false,
      detail: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown),
    }
  }
}
