// Knows: pairs of answers as a batch: chosen and rejected rows in turn, and which predictions belong to which.
// Must not know: losses.
import { makeBatch, positionsOf, type Batch, type PackedRow } from './packing.ts'

/** The chosen and the rejected answer to a prompt, each after the prompt. */
export interface TrainPair {
  readonly chosen: PackedRow
  readonly rejected: PackedRow
  /** Log-probabilities of both under the reference, in the form that the loss expects. */
  readonly reference?: { readonly chosen: number; readonly rejected: number }
}

/** The inputs of a batch of pairs in addition to its rows. N slots for pairs, R predictions. */
export interface PairBatch {
  /** f32 [N, R]: 1 if a prediction belongs to a pair's answer, or 1 / (its tokens) for means; else 0. */
  readonly chosen: Float32Array
  readonly rejected: Float32Array
  /** f32 [N, 2]: log-probabilities of both under the reference. */
  readonly references: Float32Array
  /** f32 [N, 1]: 1 / (pairs in the step), 0 for slots without a pair. */
  readonly weights: Float32Array
  readonly slots: number
}

export type BatchOfPairs = Batch & { readonly pairs: PairBatch }

/** Up to `slots` pairs, two lines each. `pairsInStep`: pairs in the whole step, with gradient accumulation. */
export function makePairBatch(
  pairs: readonly TrainPair[],
  slots: number,
  length: number,
  { averages, pairsInStep = pairs.length }: { readonly averages: boolean; readonly pairsInStep?: number },
): BatchOfPairs {
  const batch = makeBatch(
    pairs.flatMap(({ chosen, rejected }) => [[chosen], [rejected]]),
    2 * slots,
    length,
  )
  const predictions = batch.picked.length
  const sides = {
    chosen: new Float32Array(slots * predictions),
    rejected: new Float32Array(slots * predictions),
  }
  const [references, weights] = [new Float32Array(2 * slots), new Float32Array(slots)]
  let at = 0
  pairs.forEach((pair, i) => {
    for (const side of ['chosen', 'rejected'] as const) {
      const tokens = tokensOf(pair[side])
      sides[side].fill(
        averages ? 1 / Math.max(1, tokens) : 1,
        i * predictions + at,
        i * predictions + at + tokens,
      )
      at += tokens
    }
    references.set([pair.reference?.chosen ?? 0, pair.reference?.rejected ?? 0], 2 * i)
    weights[i] = 1 / pairsInStep
  })
  return { ...batch, pairs: { ...sides, references, weights, slots } }
}

/** Predictions of a row that count. */
const tokensOf = (row: PackedRow): number => Math.max(0, positionsOf(row) - row.from)

/** Positions of a pair's longer row: the length that its slot in a batch needs. */
export const lengthOfPair = ({ chosen, rejected }: TrainPair): number =>
  Math.max(positionsOf(chosen), positionsOf(rejected))
