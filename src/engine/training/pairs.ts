// Knows: pairs of answers as a batch: chosen and rejected rows under one another, and which predictions belong to which.
// Must not know: losses.
import { makeBatch, positionsOf, type Batch, type PackedRow } from './packing.ts'

/** A prompt's better and worse answer, each with the prompt before it. */
export interface TrainPair {
  readonly chosen: PackedRow
  readonly rejected: PackedRow
  /** Log-probabilities of both under the reference, as the loss takes them. */
  readonly reference?: { readonly chosen: number; readonly rejected: number }
}

/** What a batch of pairs brings beside its rows. N places for pairs, R predictions. */
export interface PairBatch {
  /** f32 [N, R]: 1 where a prediction belongs to a pair's answer, or 1 / (its tokens) for means; else 0. */
  readonly chosen: Float32Array
  readonly rejected: Float32Array
  /** f32 [N, 2]: what the reference finds of both. */
  readonly references: Float32Array
  /** f32 [N, 1]: 1 / (pairs of the step), 0 for places without a pair. */
  readonly weights: Float32Array
  readonly places: number
}

export type BatchOfPairs = Batch & { readonly pairs: PairBatch }

/** `places` pairs at most, two lines each. `ofStep`: pairs of the whole step where this is a part of one. */
export function makePairBatch(
  pairs: readonly TrainPair[],
  places: number,
  length: number,
  { averages, ofStep = pairs.length }: { readonly averages: boolean; readonly ofStep?: number },
): BatchOfPairs {
  const batch = makeBatch(
    pairs.flatMap(({ chosen, rejected }) => [[chosen], [rejected]]),
    2 * places,
    length,
  )
  const predictions = batch.picked.length
  const sides = {
    chosen: new Float32Array(places * predictions),
    rejected: new Float32Array(places * predictions),
  }
  const [references, weights] = [new Float32Array(2 * places), new Float32Array(places)]
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
    weights[i] = 1 / ofStep
  })
  return { ...batch, pairs: { ...sides, references, weights, places } }
}

/** Predictions of a row that count. */
const tokensOf = (row: PackedRow): number => Math.max(0, positionsOf(row) - row.from)

/** Positions that a pair's longer answer takes: what its place in a batch has to hold. */
export const lengthOfPair = ({ chosen, rejected }: TrainPair): number =>
  Math.max(positionsOf(chosen), positionsOf(rejected))
