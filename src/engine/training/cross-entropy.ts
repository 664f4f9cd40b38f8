// Knows: cross-entropy of target tokens under a head, numerically stable for large logits, with its own gradient rule
// and label smoothing.
// Must not know: which tokens count (the weights define it).
import { needStatic, type Graph, type Value } from '../graph/graph.ts'
import type { CompositeDefinition } from '../graph/op.ts'
import {
  add,
  gatherElements,
  gemm,
  log,
  mul,
  reduceMax,
  reduceSum,
  scatterElementsAdd,
  softmax,
  sub,
} from '../graph/ops/index.ts'

const crossEntropyRule = (smoothing: number): CompositeDefinition => ({
  name: 'cross_entropy',
  // log Σ e^(logit − max) is −log of the largest probability, which is in [1 / vocabulary, 1]: nothing under- or
  // overflows.
  build: (g, [hidden, head, targets, weights]) => {
    if (!hidden || !head || !targets || !weights)
      throw new TypeError('cross-entropy takes hidden states, a head, targets and weights')
    const logits = gemm(g, hidden, head, { transB: true })
    const probabilities = softmax(g, logits)
    const logSum = sub(g, reduceMax(g, logits, [-1]), log(g, reduceMax(g, probabilities, [-1])))
    const target = gatherElements(g, logits, targets, 1)
    const uniform = (): Value => mul(g, reduceSum(g, logits, [-1]), g.scalar(smoothing / countEntries(head)))
    const losses = sub(
      g,
      logSum,
      smoothing === 0 ? target : add(g, mul(g, target, g.scalar(1 - smoothing)), uniform()),
    )
    return { outputs: [reduceSum(g, mul(g, losses, weights), [0, 1], false)], saved: [probabilities] }
  },
  // dlogits = weight · (softmax − targets). The weights are applied to the rows of the hidden states, which are far
  // shorter.
  gradient: (g, { inputs: [hidden, head, targets, weights], saved: [probabilities] }, [dLoss]) => {
    if (!hidden || !head || !targets || !weights || !probabilities || !dLoss) return [null, null, null, null]
    const scale = mul(g, weights, dLoss)
    const minusTarget = sub(g, mul(g, weights, g.scalar(0)), g.scalar(1 - smoothing))
    const hard = scatterElementsAdd(g, probabilities, targets, minusTarget, 1)
    const dLogits = smoothing === 0 ? hard : sub(g, hard, g.scalar(smoothing / countEntries(head)))
    return [
      mul(g, gemm(g, dLogits, head), scale),
      gemm(g, dLogits, mul(g, hidden, scale), { transA: true }),
      null,
      null,
    ]
  },
})

const countEntries = (head: Value): number => needStatic(head, 'a head with label smoothing')[0] ?? 1

/**
 * Sum over rows of weight · (log Σ e^logits − logit of the target), in nats, as a scalar; logits = hidden · headᵀ.
 * `hidden` f32 [rows, width]; `head` f32 [vocabulary, width]; `targets` i32 [rows, 1]; `weights` f32 [rows, 1]:
 * 1 / (number of counted rows) for rows that count and 0 for others makes it their mean. No gradient flows to the
 * weights. `smoothing` (0 to 1) spreads that share of the target's probability evenly over all entries (Szegedy et al.
 * 2016).
 */
export const crossEntropy = (
  g: Graph,
  hidden: Value,
  head: Value,
  targets: Value,
  weights: Value,
  smoothing = 0,
): Value => g.composite(crossEntropyRule(smoothing), [hidden, head, targets, weights])[0] as Value
