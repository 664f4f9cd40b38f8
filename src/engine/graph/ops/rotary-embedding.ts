// Knows: RotaryEmbedding (com.microsoft), rotations of pairs (i, i + half) by position: the half-split order of Hugging
// Face.
import type { Graph, Value } from '../graph.ts'
import { defineOp, GraphError } from '../op.ts'
import { inferSameFloat, needInteger } from '../rules.ts'
import { neg } from './neg.ts'

export const rotaryEmbeddingOp = defineOp({
  type: 'RotaryEmbedding',
  domain: 'com.microsoft',
  infer: (inference) => {
    const [x, positions, cos, sin] = [
      inference.need(0),
      inference.need(1),
      inference.need(2),
      inference.need(3),
    ]
    needInteger(inference, positions, ['i64'])
    if (x.shape.length !== 4) inference.refuse('it needs [batch, heads, sequence, head width].')
    const [width, half] = [x.shape[3], cos.shape[1]]
    if (typeof width === 'number' && half !== width / 2)
      inference.refuse(`the tables must have half the head width, ${width / 2}, not ${half}.`)
    if (sin.shape.length !== 2 || sin.shape[1] !== half)
      inference.refuse('both tables must have the same shape.')
    return inferSameFloat(inference)
  },
  // The gradient of a rotation is the inverse rotation: the same angles with the sign of the sine flipped.
  gradient: (g, { inputs: [x, positions, cos, sin] }, [dy]) => {
    if (!x || !positions || !cos || !sin || !dy) return [null, null, null, null]
    if (g.producerOf(cos) !== undefined || g.producerOf(sin) !== undefined)
      throw new GraphError('The tables of RotaryEmbedding must be constants: they have no gradient.')
    return [rotaryEmbedding(g, dy, positions, cos, neg(g, sin)), null, null, null]
  },
})

/**
 * x [batch, heads, sequence, head width] rotated by its positions (int64 [batch, sequence], or [1]: the first
 * position). `cos` and `sin` are [positions, head width / 2]. Source: Su et al. 2021, in the half-split order.
 */
export const rotaryEmbedding = (g: Graph, x: Value, positions: Value, cos: Value, sin: Value): Value =>
  g.apply1(rotaryEmbeddingOp, [x, positions, cos, sin], { interleaved: 0 })
