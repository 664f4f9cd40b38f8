// Knows: the interface of a preference loss: a loss for each pair of answers from their log-probabilities under the
// student.
import type { Graph, Value } from '../../graph/graph.ts'
import type { CompositeDefinition } from '../../graph/op.ts'
import { abs, add, exp, log, maximum, mul, neg, sigmoid } from '../../graph/ops/index.ts'

/** Inputs of a loss, each f32 [pairs, 1]. */
export interface PairValues {
  /** Log-probabilities of the whole answers: sums over their tokens, or means if `averages`. */
  readonly chosen: Value
  readonly rejected: Value
  /** The same under the reference, the student before this training; zeros if the loss needs none. */
  readonly chosenReference: Value
  readonly rejectedReference: Value
  /**
   * f32 [1, 1]: how far the student is from the reference on answers that do not belong to their prompts, 0 or more; 0
   * if the loss needs none.
   */
  readonly drift: Value
}

export interface PreferenceNumbers {
  /** How strongly a difference counts, above 0. */
  readonly beta: number
  /** SimPO's target margin between the chosen and the rejected answer, as a multiple of beta (γ / β), 0 or more. */
  readonly margin: number
}

export interface Preference {
  readonly name: string
  /** Log-probabilities are means over an answer's tokens, not sums. */
  readonly averages: boolean
  /** It compares with the student before this training. */
  readonly needsReference: boolean
  /** It needs `drift`. */
  readonly needsDrift: boolean
  /** f32 [pairs, 1]. */
  readonly loss: (g: Graph, pairs: PairValues, numbers: PreferenceNumbers) => Value
}

const softplusRule: CompositeDefinition = {
  name: 'softplus',
  build: (g, [x]) => {
    if (!x) throw new TypeError('softplus takes a value')
    return {
      outputs: [add(g, maximum(g, x, g.scalar(0)), log(g, add(g, exp(g, neg(g, abs(g, x))), g.scalar(1))))],
      saved: [],
    }
  },
  gradient: (g, { inputs: [x] }, [d]) => (x && d ? [mul(g, d, sigmoid(g, x))] : [null]),
}

/** log(1 + eˣ) = −log σ(−x), numerically stable for large x. */
export const softplus = (g: Graph, x: Value): Value => g.composite(softplusRule, [x])[0] as Value
