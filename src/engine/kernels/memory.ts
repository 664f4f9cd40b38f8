// Knows: how much memory a model takes on the kernels, from the types and sizes of its tensors, before anything of it is read.
// Must not know: files, how tensors are named.
import { countCached, type ModelFacts } from '../weights/describe-tensors.ts'
import { activationBytes, BLOCK, PACKED, packedBytes, PAGE_POSITIONS, roundUp } from './layouts.ts'
import type { KernelForm } from './matrix.ts'
import { findIntegerReader } from './packing/index.ts'

/** Rows of a run: more are computed in several runs, with the same numbers. */
export const MAX_ROWS = 256
/** Rows of a run of the head, whose results are the largest of all. */
export const MAX_HEAD_ROWS = 32

/** Bytes of a model with the file's bits; and with floats rounded to 8 bits, if it has matrices of floats. */
export function estimateKernelMemory(facts: Pick<ModelFacts, 'shape' | 'matrices'>): {
  readonly kernels: number
  readonly rounded?: number
} {
  const hasFloats = facts.matrices.some(({ type }) => findIntegerReader(type) === undefined)
  return {
    kernels: bytesOf(facts, 'packed'),
    ...(hasFloats ? { rounded: bytesOf(facts, 'rounded') } : {}),
  }
}

/**
 * Bytes of a loaded model with its KV cache and the largest matrix as the file has it, which is read before it is packed. Gains, biases
 * and what threads need for themselves are small and not counted.
 */
function bytesOf({ shape, matrices }: Pick<ModelFacts, 'shape' | 'matrices'>, form: KernelForm): number {
  let bytes = 0
  let largest = 0
  // An embedding is looked up in the file's bytes unless it is the head as well, and held as the file has it.
  for (const { type, rows, columns, bytes: own, isEmbedding } of matrices) {
    largest = Math.max(largest, own)
    const kind = form === 'exact' ? undefined : findIntegerReader(type)?.kind
    if (isEmbedding && (!shape.tiedHead || (kind === undefined && form === 'rounded'))) bytes += own
    if (isEmbedding && !shape.tiedHead) continue
    bytes +=
      kind === undefined && form !== 'rounded'
        ? roundUp(rows, 8) * roundUp(columns, BLOCK) * 4
        : packedBytes(PACKED[kind ?? 'q8'], columns, rows)
  }
  const { layers, kvHeads, heads, headWidth, width, feedForward, vocabulary } = shape
  const attended = heads * headWidth
  const perRow = 3 * width + attended + (heads + 2 * kvHeads) * headWidth + 3 * feedForward
  const working =
    4 * (MAX_ROWS * perRow + MAX_HEAD_ROWS * vocabulary) +
    activationBytes('plain', MAX_ROWS, Math.max(width, attended, feedForward))
  const cache = 2 * 4 * layers * kvHeads * headWidth * roundUp(countCached(shape), PAGE_POSITIONS)
  return Math.round(bytes + largest + working + cache)
}
