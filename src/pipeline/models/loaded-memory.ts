// Knows: how much memory loaded models take, by what their cards state; which of them fit into it together, and which have to be set
// aside for another one.
import type { Memory } from '../../domain/cast.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { bytesOfForm } from '../../domain/weight-form.ts'

/** The part of a loaded model that decides. */
export type Loaded = Pick<TeacherDescription, 'card' | 'backend' | 'weights'>

/** Share of a machine's memory that models may be expected to get: the browser, the page and other programs need the rest. */
const SHARE = 0.6

/** GiB of a machine whose browser does not report them: what most have. Chromium reports at most 8 or 32, depending on its version. */
const ASSUMED_GIB = 8

/** Bytes of a loaded model on this machine; 0 on a server, undefined if its card states none. */
export function loadedBytes({ card, backend, weights }: Loaded): number | undefined {
  if (backend === 'server') return 0
  const { memoryBytes, graphicsBytes } = card
  if (memoryBytes === undefined) return graphicsBytes
  if (backend === 'webgpu') return memoryBytes.webgpu
  return bytesOfForm(memoryBytes, weights ?? 'f32')
}

/** The bytes of all of these models together, as far as their cards state them. */
export const sumBytes = (models: readonly Loaded[]): number =>
  models.reduce((sum, model) => sum + (loadedBytes(model) ?? 0), 0)

/** Whether this number of bytes may be more than a machine with this much memory (in GiB, if the browser reports it) has free. */
export const isTight = (bytes: number, memoryGiB: number | undefined): boolean =>
  memoryGiB !== undefined && bytes > memoryGiB * 2 ** 30 * SHARE

/** Bytes that models may take together: a share of the machine's memory, and less than what once was too much. */
export const budgetOf = ({ memoryGiB = ASSUMED_GIB, tooManyBytes = Infinity }: Memory): number =>
  Math.min(memoryGiB * 2 ** 30 * SHARE, tooManyBytes - 1)

/**
 * The fewest models to unload, so that `wanted` fits next to the rest: those that were not used for longest first. `loaded` begins with
 * them. Models on servers are never listed. If `wanted` alone is too large, all others are: loading it may fail, and then says so.
 */
export function chooseSetAside<Model extends Loaded>(
  loaded: readonly Model[],
  wanted: Loaded,
  memory: Memory,
): readonly Model[] {
  const budget = budgetOf(memory)
  const own = loadedBytes(wanted) ?? 0
  if (own === 0) return []
  const local = loaded.filter((model) => (loadedBytes(model) ?? 0) > 0)
  let bytes = own + sumBytes(local)
  const chosen: Model[] = []
  for (const model of local) {
    if (bytes <= budget) break
    chosen.push(model)
    bytes -= loadedBytes(model) ?? 0
  }
  // A later one may have made an earlier one unnecessary.
  return chosen.filter((model) => {
    const size = loadedBytes(model) ?? 0
    if (bytes + size > budget) return true
    bytes += size
    return false
  })
}
