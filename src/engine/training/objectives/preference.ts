// Knows: learning from pairs of answers, by one of the preference losses.
import type { Value } from '../../graph/graph.ts'
import { gemm, mul, reduceSum, split } from '../../graph/ops/index.ts'
import { logLikelihood } from '../log-likelihood.ts'
import type { Batch } from '../packing.ts'
import type { BatchOfPairs, PairBatch } from '../pairs.ts'
import { PREFERENCES, type PreferenceName, type PreferenceNumbers } from '../preferences/index.ts'
import type { Objective } from './objective.ts'

export interface PreferenceOptions extends PreferenceNumbers {
  readonly loss: PreferenceName
}

/**
 * Learns from N pairs of answers in a batch: `chosen` and `rejected` f32 [N, R] (which prediction belongs to which
 * answer), `references` f32 [N, 2], `pair_weights` f32 [N, 1] and `drift` f32 [1, 1]. Measured by the same loss.
 */
export const makePreference = ({ loss, ...numbers }: PreferenceOptions): Objective => ({
  sizesOf: (batch) => ({ pairs: pairsOf(batch).slots }),
  open: (g, _, { pairs = 0 }) => {
    const chosen = g.input('chosen', 'f32', [pairs, 'R'])
    const rejected = g.input('rejected', 'f32', [pairs, 'R'])
    const references = g.input('references', 'f32', [pairs, 2])
    const pairWeights = g.input('pair_weights', 'f32', [pairs, 1])
    const drift = g.input('drift', 'f32', [1, 1])
    return ({ hidden, head, targets }) => {
      const logProbs = logLikelihood(g, hidden, head, targets)
      const [chosenReference, rejectedReference] = split(g, references, [1, 1], 1) as [Value, Value]
      const losses = PREFERENCES[loss].loss(
        g,
        {
          chosen: gemm(g, chosen, logProbs),
          rejected: gemm(g, rejected, logProbs),
          chosenReference,
          rejectedReference,
          drift,
        },
        numbers,
      )
      return reduceSum(g, mul(g, losses, pairWeights), [0, 1], false)
    }
  },
  feed: (batch, _, { drift }) => {
    const { chosen, rejected, references, weights, slots } = pairsOf(batch)
    const predictions = chosen.length / slots
    return {
      chosen: { dtype: 'f32', shape: [slots, predictions], data: chosen },
      rejected: { dtype: 'f32', shape: [slots, predictions], data: rejected },
      references: { dtype: 'f32', shape: [slots, 2], data: references },
      pair_weights: { dtype: 'f32', shape: [slots, 1], data: weights },
      drift: { dtype: 'f32', shape: [1, 1], data: Float32Array.of(drift) },
    }
  },
  pairs: PREFERENCES[loss],
  countOf: (batch) => pairsOf(batch).weights.filter((weight) => weight > 0).length,
})

const isOfPairs = (batch: Batch): batch is BatchOfPairs => 'pairs' in batch

function pairsOf(batch: Batch): PairBatch {
  if (!isOfPairs(batch)) throw new RangeError('The batch has no pairs of answers.')
  return batch.pairs
}
