// Knows: which module is the fastest that is right on this machine: one probe says how the engine multiplies, and a self-test whether the
// module computes what it must.
// Must not know: where modules come from.
import { EngineError } from '../errors.ts'
import { KernelHeap } from './heap.ts'
import type { Dot } from './layouts.ts'
import { openKernels, type Kernels } from './module.ts'
import { findWrongProducts } from './self-test.ts'

/** A module's file without its ending. */
export type ModuleName = 'probe' | `${Dot}-${'shared' | 'alone'}`
export type LoadModule = (name: ModuleName) => Promise<WebAssembly.Module>

export interface ChosenKernels {
  readonly kernels: Kernels
  /** Why faster ones were not chosen, in phrases. */
  readonly rejected: readonly string[]
}

/** Results of the probe (assembly/probe.as) and what is fastest there: without VNNI a relaxed dot is slower than plain products. */
const FASTEST: ReadonlyMap<number, Dot> = new Map([
  [80_000, 'unsigned'],
  [-22_400, 'signed'],
  [65_534, 'pairs'],
])

/** Throws EngineError `broken` if not even plain products are right, and what `load` throws for these. */
export async function chooseKernels(load: LoadModule, shared: boolean): Promise<ChosenKernels> {
  const rejected: string[] = []
  const fastest = await probe(load)
  const heap = new KernelHeap(shared)
  for (const dot of fastest === undefined ? (['plain'] as const) : ([fastest, 'plain'] as const)) {
    try {
      const kernels = await openKernels(await load(`${dot}-${shared ? 'shared' : 'alone'}`), dot, heap)
      const wrong = await findWrongProducts(kernels)
      if (wrong === undefined) return { kernels, rejected }
      rejected.push(`${dot}: ${wrong}`)
    } catch (thrown) {
      if (dot === 'plain') throw thrown
      rejected.push(`${dot}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    }
  }
  throw new EngineError('broken', `This browser computes integer products wrong (${rejected.join('; ')}).`)
}

/** The fastest way to multiply; undefined if the engine has no relaxed instructions or none that are fast. */
async function probe(load: LoadModule): Promise<Dot | undefined> {
  try {
    const { exports } = await WebAssembly.instantiate(await load('probe'), {})
    const found: unknown = typeof exports['probe'] === 'function' ? exports['probe']() : undefined
    return typeof found === 'number' ? FASTEST.get(found) : undefined
  } catch {
    return undefined // the module is invalid where relaxed instructions do not exist
  }
}
