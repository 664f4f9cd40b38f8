// Knows: cross-entropy of chosen tokens, steady for large logits, with a gradient rule of its own.
// Must not know: which tokens count (the weights say it).
import type { Graph, Value } from '../graph/graph.ts'
import type { CompositeDefinition } from '../graph/op.ts'
import { div, exp, gatherElements, log, mul, neg, reduceMax, reduceSum, scatterElementsAdd, sub } from '../graph/ops/index.ts'

const crossEntropyRule: CompositeDefinition = {
  name: 'cross_entropy',
  build: (g, [logits, targets, weights]) => {
    if (!logits || !targets || !weights) throw new TypeError('cross-entropy takes logits, targets and weights')
    const shifted = sub(g, logits, reduceMax(g, logits, [-1]))
    const powers = exp(g, shifted)
    const sums = reduceSum(g, powers, [-1])
    const losses = sub(g, log(g, sums), gatherElements(g, shifted, targets, 1))
    return { outputs: [reduceSum(g, mul(g, losses, weights), [0, 1], false)], saved: [powers, sums] }
  },
  // weight · (softmax − one-hot): one product over the logits and one sparse addition.
  gradient: (g, { inputs: [, targets, weights], saved: [powers, sums] }, [dLoss]) => {
    if (!targets || !weights || !powers || !sums || !dLoss) return [null, null, null]
    const scale = mul(g, weights, dLoss)
    return [scatterElementsAdd(g, mul(g, powers, div(g, scale, sums)), targets, neg(g, scale), 1), null, null]
  },
}

/**
 * Sum over rows of weight · (log Σ e^logits − logit of the target), in nats, as a scalar.
 * `logits` f32 [rows, vocabulary]; `targets` i32 [rows, 1]; `weights` f32 [rows, 1]: 1 / (number of counted rows) for those
 * that count and 0 for the others makes it their mean. No gradient flows to the weights.
 */
export const crossEntropy = (g: Graph, logits: Value, targets: Value, weights: Value): Value => g.composite(crossEntropyRule, [logits, targets, weights])[0] as Value
