// Knows: the cosine loss between a student's and a teacher's hidden states.
// Must not know: where the teacher's states come from.
import type { Graph, Value } from '../graph/graph.ts'
import type { CompositeDefinition } from '../graph/op.ts'
import { add, mul, neg, reciprocal, reduceSum, sqrt, sub } from '../graph/ops/index.ts'

/**
 * Added to squared lengths, so that the cosine of a zero vector is 0 and not undefined; as in PyTorch's
 * `cosine_embedding_loss`.
 */
const MIN_SQUARE = 1e-12

const rule: CompositeDefinition = {
  name: 'hidden_cosine',
  build: (g, [student, teacher, weights]) => {
    if (!student || !teacher || !weights)
      throw new TypeError(
        'hidden_cosine takes the hidden states of the student and of the teacher, and weights',
      )
    const inverseLength = (of: Value): Value =>
      reciprocal(g, sqrt(g, add(g, reduceSum(g, mul(g, of, of), [-1]), g.scalar(MIN_SQUARE))))
    const [inverseStudent, inverseTeacher] = [inverseLength(student), inverseLength(teacher)]
    const both = mul(g, inverseStudent, inverseTeacher)
    const cosine = mul(g, reduceSum(g, mul(g, student, teacher), [-1]), both)
    return {
      outputs: [reduceSum(g, mul(g, sub(g, g.scalar(1), cosine), weights), [0, 1], false)],
      saved: [inverseStudent, both, cosine],
    }
  },
  // With lengths |s|, |t| and cosine c: dc/ds = t / (|s| |t|) − c s / |s|².
  gradient: (g, { inputs: [student, teacher, weights], saved: [inverseStudent, both, cosine] }, [dLoss]) => {
    if (!student || !teacher || !weights || !inverseStudent || !both || !cosine || !dLoss)
      return [null, null, null]
    const slope = sub(
      g,
      mul(g, teacher, both),
      mul(g, student, mul(g, cosine, mul(g, inverseStudent, inverseStudent))),
    )
    return [mul(g, slope, neg(g, mul(g, weights, dLoss))), null, null]
  },
}

/**
 * Sum over R predictions of weight · (1 − cosine of the student's and the teacher's hidden state), a scalar from 0
 * (same direction) over 1 (orthogonal) to 2 (opposite) if the weights sum to 1. `student` and `teacher` f32 [R, width];
 * `weights` f32 [R, 1]. No gradient flows to the teacher. Source: the cosine loss of DistilBERT (Sanh et al. 2019),
 * which adds it at the last layer to the divergence; lengths do not count, and both must have the same width. (Patient
 * KD, Sun et al. 2019, uses distances at several layers.)
 */
export const hiddenCosine = (g: Graph, student: Value, teacher: Value, weights: Value): Value =>
  g.composite(rule, [student, teacher, weights])[0] as Value
