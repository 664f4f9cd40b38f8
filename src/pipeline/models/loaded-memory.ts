// Knows: how much memory loaded models take, by what their cards state.
import type { TeacherDescription } from '../../domain/teacher-description.ts'

/** The part of a loaded model that decides. */
type Loaded = Pick<TeacherDescription, 'card' | 'backend' | 'weights'>

/** Share of a machine's memory that models may be expected to get: the browser, the page and other programs need the rest. */
const SHARE = 0.6

/** Bytes of a loaded model on this machine; 0 on a server, undefined if its card states none. */
export function loadedBytes({ card, backend, weights }: Loaded): number | undefined {
  if (backend === 'server') return 0
  if (card.memoryBytes === undefined) return card.graphicsBytes
  // Packed weights take as much on the processor as on the graphics card.
  return backend === 'webgpu' || weights === 'nb4s' ? card.memoryBytes.webgpu : card.memoryBytes.wasm
}

/** The bytes of all of these models together, as far as their cards state them. */
export const sumBytes = (models: readonly Loaded[]): number =>
  models.reduce((sum, model) => sum + (loadedBytes(model) ?? 0), 0)

/** Whether this number of bytes may be more than a machine with this much memory (in GiB, if the browser reports it) has free. */
export const isTight = (bytes: number, memoryGiB: number | undefined): boolean =>
  memoryGiB !== undefined && bytes > memoryGiB * 2 ** 30 * SHARE
