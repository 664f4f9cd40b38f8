// Knows: the loss of a student that learns from rewards of its own answers (GRPO), and batches of such answers.
// Must not know: who computes the rewards, how the answers were generated.
import type { Graph, Value } from '../graph/graph.ts'
import { add, clip, exp, minimum, mul, neg, reduceSum, sub } from '../graph/ops/index.ts'
import { countPredictions, makeBatch, type Batch, type PackedRow } from './packing.ts'

export interface PolicyNumbers {
  /** How far a token's probability ratio may move from 1 before it is clipped (ε), above 0. */
  readonly clip: number
  /** Weight of the divergence from the reference, 0 or more. */
  readonly beta: number
}

/** Inputs of the loss in addition to the student's log-probabilities, each f32 [R, 1], one per token. */
export interface PolicyValues {
  /** Advantage over its group of the answer that the token belongs to. */
  readonly advantages: Value
  /** Log-probability when the answer was generated. */
  readonly oldLogProbs: Value
  /** Log-probability under the reference, the student before this training. */
  readonly referenceLogProbs: Value
}

/**
 * Σ weight · (−min(r · A, clip(r, 1 − ε, 1 + ε) · A) + β · (e^d − d − 1)), r = e^(log p − old), d = reference − log p;
 * a scalar.
 * Source: GRPO, Shao et al. 2024, eq. 3 and 4 (the divergence by Schulman's unbiased estimator). With weights of 1 /
 * (tokens in the step) it is normalised as in DAPO, Yu et al. 2025, so that the tokens of long answers do not count
 * less. `logProbs` and `weights` are f32 [R, 1].
 */
export function policyLoss(
  g: Graph,
  logProbs: Value,
  { advantages, oldLogProbs, referenceLogProbs }: PolicyValues,
  weights: Value,
  numbers: PolicyNumbers,
): Value {
  const ratio = exp(g, sub(g, logProbs, oldLogProbs))
  const objective = minimum(
    g,
    mul(g, ratio, advantages),
    mul(g, clip(g, ratio, 1 - numbers.clip, 1 + numbers.clip), advantages),
  )
  const losses =
    numbers.beta > 0
      ? add(
          g,
          neg(g, objective),
          mul(g, divergenceFrom(g, logProbs, referenceLogProbs), g.scalar(numbers.beta)),
        )
      : neg(g, objective)
  return reduceSum(g, mul(g, losses, weights), [0, 1], false)
}

function divergenceFrom(g: Graph, logProbs: Value, referenceLogProbs: Value): Value {
  const difference = sub(g, referenceLogProbs, logProbs)
  return sub(g, sub(g, exp(g, difference), difference), g.scalar(1))
}

/** An answer of the student with its advantage. */
export interface RewardedRow {
  readonly row: PackedRow
  readonly advantage: number
  /** Log-probabilities of its tokens when it was generated. */
  readonly oldLogProbs: Float32Array
  /** The same under the reference, if it counts. */
  readonly referenceLogProbs?: Float32Array
}

/** The inputs of a batch of answers in addition to its rows, one number per prediction. */
export interface PolicyBatch {
  readonly advantages: Float32Array
  readonly oldLogProbs: Float32Array
  readonly referenceLogProbs: Float32Array
}
export type BatchOfAnswers = Batch & { readonly policy: PolicyBatch }

/** A batch of answers. `countedInStep`: tokens in the whole step, with gradient accumulation. */
export function makePolicyBatch(
  answers: readonly RewardedRow[],
  rows: number,
  length: number,
  countedInStep?: number,
): BatchOfAnswers {
  const batch = makeBatch(
    answers.map(({ row }) => [row]),
    rows,
    length,
    countedInStep === undefined ? {} : { countedInStep },
  )
  const make = (): Float32Array => new Float32Array(batch.picked.length)
  const policy = { advantages: make(), oldLogProbs: make(), referenceLogProbs: make() }
  let at = 0
  for (const { row, advantage, oldLogProbs, referenceLogProbs } of answers) {
    const end = at + countPredictions([[row]])
    policy.advantages.fill(advantage, at, end)
    policy.oldLogProbs.set(oldLogProbs, at)
    policy.referenceLogProbs.set(referenceLogProbs ?? oldLogProbs, at)
    at = end
  }
  return { ...batch, policy }
}

/** Added to the standard deviation of a group, so that nearly equal rewards do not give large advantages; as in TRL. */
const STD_EPSILON = 1e-4

/**
 * The advantage of each answer over its group: (reward − mean) / (sample standard deviation), for groups of `size`
 * answers to one prompt. A group with equal rewards gives zeros. Source: Shao et al. 2024, section 4.1.2.
 */
export function computeAdvantages(rewards: readonly number[], size: number): number[] {
  return rewards.map((reward, i) => {
    const group = rewards.slice(i - (i % size), i - (i % size) + size)
    const mean = group.reduce((sum, one) => sum + one, 0) / group.length
    const std = Math.sqrt(
      group.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, group.length - 1),
    )
    return (reward - mean) / (std + STD_EPSILON)
  })
}
