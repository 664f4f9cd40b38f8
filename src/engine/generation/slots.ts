// Knows: what the memories of both backends have in common: how much room they may be given, and which of a run's answers are whose.
import type { DecoderShape } from '../models/shape.ts'
import { onHost, type Outputs } from '../runtime/types.ts'
import type { RowStep } from './cached-model.ts'

/** Rows at once at most: more were never faster where it was measured. */
const MOST_ROWS = 32
/** Bytes that the pasts of all rows may take together, beside the weights: in a heap of 4 GiB, or on a card that holds other things too. */
const MEMORY_AT_MOST = 2 ** 30

/** Rows of full length that a memory has room for, `wanted` at least. */
export function countRows(
  { layers, kvHeads, headWidth }: Pick<DecoderShape, 'layers' | 'kvHeads' | 'headWidth'>,
  contextLength: number,
  wanted: number,
): number {
  const rowBytes = 2 * 4 * layers * kvHeads * headWidth * contextLength
  return Math.max(wanted, Math.min(MOST_ROWS, Math.floor(MEMORY_AT_MOST / rowBytes)))
}

/** Throws a RangeError with a sentence where a model cannot be given room for so many rows. */
export function checkResize(slots: number, most: number, open: number): void {
  if (!Number.isInteger(slots) || slots < 1 || slots > most)
    throw new RangeError(`room for ${slots} rows was asked for; 1 to ${most} fit`)
  if (open > 0) throw new RangeError(`${open} rows are open`)
}

export function floatsOf(outputs: Outputs, name: 'logits' | 'hidden'): Float32Array {
  const { data } = onHost(outputs, name)
  if (!(data instanceof Float32Array)) throw new TypeError(`${name} are not floats`)
  return data
}

/** Logits (or hidden states, with their width) come in the order of the rows in memory; the asker wants them in the order of its steps. */
export function inOrder(
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
