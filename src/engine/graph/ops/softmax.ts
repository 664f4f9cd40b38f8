// Knows: Softmax over one axis.
import type { Graph, Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'
import { inferSameFloat, normaliseAxis } from '../rules.ts'
import { mul } from './mul.ts'
import { reduceSum } from './reduce-sum.ts'
import { sub } from './sub.ts'

export const softmaxOp = defineOp({
  type: 'Softmax',
  infer: (inference) => {
    normaliseAxis(inference, intAttribute(inference.attributes, 'axis', -1), inference.need(0).shape.length)
    return inferSameFloat(inference)
  },
  // y = softmax(x): dx = y (dy − Σ dy y)
  gradient: (g, { outputs: [y], attributes }, [dy]) => {
    if (!y || !dy) return [null]
    const total = reduceSum(g, mul(g, dy, y), [intAttribute(attributes, 'axis', -1)])
    return [mul(g, y, sub(g, dy, total))]
  },
})

/** eˣ divided by its sum along `axis` (numerically stable for large x) */
export const softmax = (g: Graph, x: Value, axis = -1): Value => g.apply1(softmaxOp, [x], { axis })
