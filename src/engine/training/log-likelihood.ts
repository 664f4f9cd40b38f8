// Knows: log-probabilities of target tokens under a head, one per token, with its own gradient rule.
// Must not know: which of them belong to one answer (preferences).
import type { Graph, Value } from '../graph/graph.ts'
import type { CompositeDefinition } from '../graph/op.ts'
import {
  gatherElements,
  gemm,
  log,
  mul,
  reduceMax,
  scatterElementsAdd,
  softmax,
  sub,
} from '../graph/ops/index.ts'

const rule: CompositeDefinition = {
  name: 'log_likelihood',
  build: (g, [hidden, head, targets]) => {
    if (!hidden || !head || !targets)
      throw new TypeError('log-likelihood takes hidden states, a head and targets')
    const logits = gemm(g, hidden, head, { transB: true })
    const probabilities = softmax(g, logits)
    const logSum = sub(g, reduceMax(g, logits, [-1]), log(g, reduceMax(g, probabilities, [-1])))
    return { outputs: [sub(g, gatherElements(g, logits, targets, 1), logSum)], saved: [probabilities] }
  },
  // dlogits = d · (target − softmax), as −d · (softmax − target).
  gradient: (g, { inputs: [hidden, head, targets], saved: [probabilities] }, [d]) => {
    if (!hidden || !head || !targets || !probabilities || !d) return [null, null, null]
    const minusOne = sub(g, mul(g, d, g.scalar(0)), g.scalar(1))
    const dLogits = scatterElementsAdd(g, probabilities, targets, minusOne, 1)
    const scale = mul(g, d, g.scalar(-1))
    return [
      mul(g, gemm(g, dLogits, head), scale),
      gemm(g, dLogits, mul(g, hidden, scale), { transA: true }),
      null,
    ]
  },
}

/**
 * f32 [rows, 1]: log-probabilities in nats of `targets` i32 [rows, 1]; logits = hidden · headᵀ with `hidden` f32 [rows,
 * width], `head` f32 [vocabulary, width].
 */
export const logLikelihood = (g: Graph, hidden: Value, head: Value, targets: Value): Value =>
  g.composite(rule, [hidden, head, targets])[0] as Value
