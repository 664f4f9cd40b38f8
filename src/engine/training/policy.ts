// Knows: the loss of a student that learns from how good its own answers were (GRPO), and batches of such answers.
// Must not know: who said how good they were, how they were written.
import type { Graph, Value } from '../graph/graph.ts'
import { add, clip, exp, minimum, mul, neg, reduceSum, sub } from '../graph/ops/index.ts'
import { countPredictions, makeBatch, type Batch, type PackedRow } from './packing.ts'

export interface PolicyNumbers {
  /** How far a token's probability may move within one set of answers before it counts no more (ε), above 0. */
  readonly clip: number
  /** Weight of the divergence from the reference, at least 0. */
  readonly beta: number
}

/** What the loss is computed from beside the student's own log-probabilities, each f32 [R, 1], one for each token. */
export interface PolicyValues {
  /** How much better than its group the answer was that the token belongs to. */
  readonly advantages: Value
  /** Log-probability when the answer was written. */
  readonly before: Value
  /** Log-probability under the reference, the student before this training. */
  readonly reference: Value
}

/**
 * Σ weight · (−min(r · A, clip(r, 1 − ε, 1 + ε) · A) + β · (e^d − d − 1)), r = e^(log p − before), d = reference − log p; a scalar.
 * Source: GRPO, Shao et al. 2024, eq. 3 and 4 (the divergence by Schulman's unbiased estimator). With weights of 1 / (tokens of the
 * step) it is normalised as DAPO has it, Yu et al. 2025, so that long answers do not count less for each token.
 * `likelihoods` and `weights` are f32 [R, 1].
 */
export function policyLoss(
  g: Graph,
  likelihoods: Value,
  { advantages, before, reference }: PolicyValues,
  weights: Value,
  numbers: PolicyNumbers,
): Value {
  const ratio = exp(g, sub(g, likelihoods, before))
  const gain = minimum(
    g,
    mul(g, ratio, advantages),
    mul(g, clip(g, ratio, 1 - numbers.clip, 1 + numbers.clip), advantages),
  )
  const losses =
    numbers.beta > 0
      ? add(g, neg(g, gain), mul(g, divergenceFrom(g, likelihoods, reference), g.scalar(numbers.beta)))
      : neg(g, gain)
  return reduceSum(g, mul(g, losses, weights), [0, 1], false)
}

function divergenceFrom(g: Graph, likelihoods: Value, reference: Value): Value {
  const back = sub(g, reference, likelihoods)
  return sub(g, sub(g, exp(g, back), back), g.scalar(1))
}

/** An answer of the student's own with what was said of it. */
export interface RewardedRow {
  readonly row: PackedRow
  readonly advantage: number
  /** Log-probabilities of its tokens when it was written. */
  readonly before: Float32Array
  /** The same under the reference, where it counts. */
  readonly reference?: Float32Array
}

/** What a batch of answers brings beside its rows, for each prediction. */
export interface PolicyBatch {
  readonly advantages: Float32Array
  readonly before: Float32Array
  readonly reference: Float32Array
}
export type BatchOfAnswers = Batch & { readonly policy: PolicyBatch }

/** Answers one under another. `countedInStep`: tokens of the whole step where this is a part of one. */
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
  const policy = { advantages: make(), before: make(), reference: make() }
  let at = 0
  for (const { row, advantage, before, reference } of answers) {
    const end = at + countPredictions([[row]])
    policy.advantages.fill(advantage, at, end)
    policy.before.set(before, at)
    policy.reference.set(reference ?? before, at)
    at = end
  }
  return { ...batch, policy }
}

/** Added to the spread of a group, so that one in which all are nearly alike does not shout; as TRL has it. */
const LEAST_SPREAD = 1e-4

/**
 * How much better than its group each answer was: (reward − mean) / (standard deviation, of a sample), group after group of `size` answers to
 * one prompt. A group in which all are alike teaches nothing: zeros. Source: Shao et al. 2024, section 4.1.2.
 */
export function findAdvantages(rewards: readonly number[], size: number): number[] {
  return rewards.map((reward, i) => {
    const group = rewards.slice(i - (i % size), i - (i % size) + size)
    const mean = group.reduce((sum, one) => sum + one, 0) / group.length
    const spread = Math.sqrt(
      group.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, group.length - 1),
    )
    return (reward - mean) / (spread + LEAST_SPREAD)
  })
}
