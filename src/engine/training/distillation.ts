// Knows: the loss of a student against its teacher's probabilities: those of the teacher's likeliest tokens, and what is left for
// all others together; mixed with cross-entropy on the text.
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
  /** Both distributions are taken at this temperature, above 0; the loss is multiplied by its square, so that its gradient keeps its size (Hinton et al. 2015). */
  readonly temperature: number
  /** Share of the plain cross-entropy on the text, 0 to 1; the divergence has the rest. */
  readonly textShare: number
  /** Weight of the cosine loss of the hidden states beside the rest, at least 0; default 0, for which batches need bring none (hidden-cosine.ts). */
  readonly hiddenShare?: number
}

/** Probabilities below this count as this. */
export const LEAST_PROBABILITY = 1e-9

/** The teacher's side of R predictions. */
export interface TeacherValues {
  /** i32 [R, k]: its likeliest tokens, in the student's numbers, none twice in a row. */
  readonly ids: Value
  /** f32 [R, k + 1]: their probabilities at the temperature, and last that of all other tokens together; none below LEAST_PROBABILITY. */
  readonly probabilities: Value
  /** f32 [R, width]: its hidden states, where they count. */
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
      const listed = gatherElements(g, warm, ids, 1)
      const rest = sub(g, g.scalar(1), reduceSum(g, listed, [-1]))
      const student = maximum(g, concat(g, [listed, rest], 1), g.scalar(LEAST_PROBABILITY))
      const soft = mul(g, reduceSum(g, terms(g, teacher, student), [-1]), g.scalar(softShare))
      const plain = softmax(g, logits)
      const right = maximum(g, gatherElements(g, plain, targets, 1), g.scalar(1e-30))
      const losses = textShare === 0 ? soft : add(g, soft, mul(g, neg(g, log(g, right)), g.scalar(textShare)))
      return {
        outputs: [reduceSum(g, mul(g, losses, weights), [0, 1], false)],
        saved: textShare === 0 ? [warm, student] : [warm, student, plain],
      }
    },
    // With slopes s by the student's probabilities q, dlogits = q (s − Σ q s) / T; all tokens that are not listed share a slope.
    gradient: (
      g,
      { inputs: [hidden, head, targets, weights, ids, teacher], saved: [warm, student, plain] },
      [dLoss],
    ) => {
      if (!hidden || !head || !targets || !weights || !ids || !teacher || !warm || !student || !dLoss)
        return [null, null, null, null, null, null]
      const slope = slopes(g, teacher, student)
      const mean = reduceSum(g, mul(g, student, slope), [-1])
      const choices = countChoices(ids)
      const [listedSlope, restSlope] = split(g, slope, [choices, 1], 1) as [Value, Value]
      const [listed] = split(g, student, [choices, 1], 1) as [Value, Value]
      const even = mul(g, warm, sub(g, restSlope, mean))
      const soft = scatterElementsAdd(g, even, ids, mul(g, listed, sub(g, listedSlope, restSlope)), 1)
      const byLogits = mul(g, soft, g.scalar(softShare / temperature))
      const scale = mul(g, weights, dLoss)
      const whole = plain
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
        mul(g, gemm(g, whole, head), scale),
        gemm(g, whole, mul(g, hidden, scale), { transA: true }),
        null,
        null,
        null,
        null,
      ]
    },
  }
}

function countChoices(ids: Value): number {
  const choices = ids.shape[1]
  if (typeof choices !== 'number')
    throw new RangeError('The number of the teacher’s tokens must be known when the graph is built.')
  return choices
}

/**
 * Sum over R predictions of weight · ((1 − textShare) · T² · divergence(teacher, student) + textShare · cross-entropy), a scalar, in
 * nats. `hidden` f32 [R, width]; `head` f32 [vocabulary, width]; `targets` i32 [R, 1]; `weights` f32 [R, 1]. No gradient flows to the teacher.
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
 * As `distillation`, with label smoothing (0 to 1) in the part that is cross-entropy; the same graph where there is none. Where the
 * listed tokens are all that there are, as with a head of classes, what is left for the others is 0 on both sides and moves nothing.
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
