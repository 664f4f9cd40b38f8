// Knows: learning from rewards of the student's own answers.
import type { HostTensor } from '../../runtime/types.ts'
import { logLikelihood } from '../log-likelihood.ts'
import type { Batch } from '../packing.ts'
import { policyLoss, type BatchOfAnswers, type PolicyBatch, type PolicyNumbers } from '../policy.ts'
import type { Objective } from './objective.ts'
import { PLAIN_TEXTS } from './texts.ts'

/**
 * Learns from answers with advantages: `advantages`, `old_log_probs` and `reference_log_probs`, each f32 [R, 1].
 * Measured by plain cross-entropy.
 */
export const makePolicy = (numbers: PolicyNumbers): Objective => ({
  sizesOf: (batch) => (policyOf(batch), {}),
  open: (g) => {
    const answers = {
      advantages: g.input('advantages', 'f32', ['R', 1]),
      oldLogProbs: g.input('old_log_probs', 'f32', ['R', 1]),
      referenceLogProbs: g.input('reference_log_probs', 'f32', ['R', 1]),
    }
    return ({ hidden, head, targets, weights }) =>
      policyLoss(g, logLikelihood(g, hidden, head, targets), answers, weights, numbers)
  },
  feed: (batch) => {
    const { advantages, oldLogProbs, referenceLogProbs } = policyOf(batch)
    return {
      advantages: column(advantages),
      old_log_probs: column(oldLogProbs),
      reference_log_probs: column(referenceLogProbs),
    }
  },
  countOf: ({ counted }) => counted,
  evaluation: PLAIN_TEXTS,
})

const column = (data: Float32Array): HostTensor => ({ dtype: 'f32', shape: [data.length, 1], data })

const isOfAnswers = (batch: Batch): batch is BatchOfAnswers => 'policy' in batch

function policyOf(batch: Batch): PolicyBatch {
  if (!isOfAnswers(batch)) throw new RangeError('The batch has no advantages.')
  return batch.policy
}
