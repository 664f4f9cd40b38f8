// Knows: what the KV caches of both backends have in common: how many rows fit, and which of a run's outputs
// belong to which row.
import type { DecoderShape } from '../models/shape.ts'
import { onHost, type Outputs } from '../runtime/types.ts'
import type { RowStep } from './cached-model.ts'

/** Max rows in a batch: more were never faster in any measurement. */
const MAX_ROWS = 32
/**
 * Max bytes of the KV cache of all rows, in addition to the weights: in a heap of 4 GiB, or on a graphics card
 * that other programs use too.
 */
const MAX_CACHE_BYTES = 2 ** 30

/** Rows of full length that fit into the KV cache; at least `requested`. */
export function countRows(
  { layers, kvHeads, headWidth }: Pick<DecoderShape, 'layers' | 'kvHeads' | 'headWidth'>,
  contextLength: number,
  requested: number,
): number {
  const rowBytes = 2 * 4 * layers * kvHeads * headWidth * contextLength
  return Math.max(requested, Math.min(MAX_ROWS, Math.floor(MAX_CACHE_BYTES / rowBytes)))
}

/** Throws a RangeError with a sentence if a model cannot have this many slots. */
export function checkResize(slots: number, max: number, open: number): void {
  if (!Number.isInteger(slots) || slots < 1 || slots > max)
    throw new RangeError(`the batch size ${slots} is outside the range 1 to ${max}`)
  if (open > 0) throw new RangeError(`${open} rows are open`)
}

export function floatsOf(outputs: Outputs, name: 'logits' | 'hidden'): Float32Array {
  const { data } = onHost(outputs, name)
  if (!(data instanceof Float32Array)) throw new TypeError(`${name} are not floats`)
  return data
}

/**
 * Reorders logits (or hidden states, with their width) from the order of the rows in the cache to the order of
 * the caller's steps.
 */
export function inStepOrder(
  logits: Float32Array,
  vocabulary: number,
  steps: readonly RowStep[],
  slotsInRun: readonly (number | undefined)[],
): Float32Array {
  const startOf = new Map<number, number>()
  let at = 0
  const bySlot = new Map(steps.map((step) => [step.slot, step]))
  for (const slot of slotsInRun) {
    if (slot === undefined) continue
    startOf.set(slot, at)
    at += bySlot.get(slot)?.logitsAt.length ?? 0
  }
  let sorted = true
  let expected = 0
  for (const { slot, logitsAt } of steps) {
    if (logitsAt.length > 0 && startOf.get(slot) !== expected) sorted = false
    expected += logitsAt.length
  }
  if (sorted) return logits.slice()
  const out = new Float32Array(logits.length)
  let to = 0
  for (const { slot, logitsAt } of steps) {
    const from = startOf.get(slot) ?? 0
    out.set(logits.subarray(from * vocabulary, (from + logitsAt.length) * vocabulary), to * vocabulary)
    to += logitsAt.length
  }
  return out
}
