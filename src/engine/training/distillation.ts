// Knows: the loss of a student against its teacher's soft targets: the probabilities of the teacher's top-k tokens and
// the remaining mass of all others; mixed with cross-entropy on the text.
// Must not know: where the teacher's probabilities come from.
import type { Graph, Value } from '../graph/graph.ts'
import type { CompositeDefinition } from '../graph/op.ts'
import {
  add,
  concat,
  gatherElements,
  gemm,
  log,
  maximum,
  mul,
  neg,
  reduceSum,
  scatterElementsAdd,
  softmax,
  split,
  sub,
} from '../graph/ops/index.ts'
import { crossEntropy } from './cross-entropy.ts'
import { DIVERGENCES, type DivergenceName } from './divergences/index.ts'

export interface DistillationOptions {
  readonly divergence: DivergenceName
  /**
   * Temperature of both distributions, above 0; the loss is multiplied by its square, so that its gradient keeps its
   * size (Hinton et al. 2015).
   */
  readonly temperature: number
  /** Share of the cross-entropy on the text, 0 to 1; the divergence has the rest. */
  readonly textShare: number
  /**
   * Weight of the cosine loss of the hidden states, which is added to the rest, 0 or more; default 0, with which
   * batches need none (hidden-cosine.ts).
   */
  readonly hiddenShare?: number
}

/** Smaller probabilities are raised to this. */
export const MIN_PROBABILITY = 1e-9

/** The teacher's side of R predictions. */
export interface TeacherValues {
  /** i32 [R, k]: its top-k tokens, as token ids of the student, none twice in a row. */
  readonly ids: Value
  /**
   * f32 [R, k + 1]: their probabilities at the temperature, and last the remaining mass of all other tokens; none below
   * MIN_PROBABILITY.
   */
  readonly probabilities: Value
  /** f32 [R, width]: its hidden states, if they count. */
  readonly hidden?: Value
}

function makeRule({ divergence, temperature, textShare }: DistillationOptions): CompositeDefinition {
  const { terms, slopes } = DIVERGENCES[divergence]
  const softShare = (1 - textShare) * temperature ** 2
  return {
    name: 'distillation',
    build: (g, [hidden, head, targets, weights, ids, teacher]) => {
      if (!hidden || !head || !targets || !weights || !ids || !teacher)
        throw new TypeError(
          'distillation takes hidden states, a head, targets, weights and the teacher’s ids and probabilities',
        )
      const logits = gemm(g, hidden, head, { transB: true })
      const warm = softmax(g, mul(g, logits, g.scalar(1 / temperature)))
      const top = gatherElements(g, warm, ids, 1)
      const rest = sub(g, g.scalar(1), reduceSum(g, top, [-1]))
      const student = maximum(g, concat(g, [top, rest], 1), g.scalar(MIN_PROBABILITY))
      const soft = mul(g, reduceSum(g, terms(g, teacher, student), [-1]), g.scalar(softShare))
      const plain = softmax(g, logits)
      const target = maximum(g, gatherElements(g, plain, targets, 1), g.scalar(1e-30))
      const losses =
        textShare === 0 ? soft : add(g, soft, mul(g, neg(g, log(g, target)), g.scalar(textShare)))
      return {
        outputs: [reduceSum(g, mul(g, losses, weights), [0, 1], false)],
        saved: textShare === 0 ? [warm, student] : [warm, student, plain],
      }
    },
    // With s = d divergence / dq for the student's probabilities q, dlogits = q (s − Σ q s) / T; all tokens that are
    // not listed share one s.
    gradient: (
      g,
      { inputs: [hidden, head, targets, weights, ids, teacher], saved: [warm, student, plain] },
      [dLoss],
    ) => {
      if (!hidden || !head || !targets || !weights || !ids || !teacher || !warm || !student || !dLoss)
        return [null, null, null, null, null, null]
      const slope = slopes(g, teacher, student)
      const mean = reduceSum(g, mul(g, student, slope), [-1])
      const topK = countTopK(ids)
      const [topSlope, restSlope] = split(g, slope, [topK, 1], 1) as [Value, Value]
      const [top] = split(g, student, [topK, 1], 1) as [Value, Value]
      const shared = mul(g, warm, sub(g, restSlope, mean))
      const soft = scatterElementsAdd(g, shared, ids, mul(g, top, sub(g, topSlope, restSlope)), 1)
      const byLogits = mul(g, soft, g.scalar(softShare / temperature))
      const scale = mul(g, weights, dLoss)
      const dLogits = plain
        ? add(
            g,
            byLogits,
            mul(
              g,
              scatterElementsAdd(g, plain, targets, sub(g, mul(g, weights, g.scalar(0)), g.scalar(1)), 1),
              g.scalar(textShare),
            ),
          )
        : byLogits
      return [
        mul(g, gemm(g, dLogits, head), scale),
        gemm(g, dLogits, mul(g, hidden, scale), { transA: true }),
        null,
        null,
        null,
        null,
      ]
    },
  }
}

function countTopK(ids: Value): number {
  const topK = ids.shape[1]
  if (typeof topK !== 'number')
    throw new RangeError('The teacher’s top-k must be known when the graph is built.')
  return topK
}

/**
 * Sum over R predictions of weight · ((1 − textShare) · T² · divergence(teacher, student) + textShare · cross-entropy),
 * a scalar, in nats. `hidden` f32 [R, width]; `head` f32 [vocabulary, width]; `targets` i32 [R, 1]; `weights` f32 [R,
 * 1]. No gradient flows to the teacher.
 */
export const distillation = (
  g: Graph,
  hidden: Value,
  head: Value,
  targets: Value,
  weights: Value,
  teacher: TeacherValues,
  options: DistillationOptions,
): Value =>
  g.composite(makeRule(options), [
    hidden,
    head,
    targets,
    weights,
    teacher.ids,
    teacher.probabilities,
  ])[0] as Value

/**
 * Like `distillation`, with label smoothing (0 to 1) in the cross-entropy part; the same graph without smoothing. If
 * the listed tokens are all there are, as with a class head, the remaining mass is 0 on both sides and has no effect.
 */
export function smoothedDistillation(
  g: Graph,
  hidden: Value,
  head: Value,
  targets: Value,
  weights: Value,
  teacher: TeacherValues,
  { smoothing, ...options }: DistillationOptions & { readonly smoothing: number },
): Value {
  const { textShare } = options
  if (smoothing === 0 || textShare === 0)
    return distillation(g, hidden, head, targets, weights, teacher, options)
  const soft = mul(
    g,
    distillation(g, hidden, head, targets, weights, teacher, { ...options, textShare: 0 }),
    g.scalar(1 - textShare),
  )
  return add(g, soft, mul(g, crossEntropy(g, hidden, head, targets, weights, smoothing), g.scalar(textShare)))
}
