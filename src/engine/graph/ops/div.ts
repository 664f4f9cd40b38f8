// Knows: Div of two tensors, broadcast together.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferBinary } from '../rules.ts'
import { mul } from './mul.ts'
import { neg } from './neg.ts'
import { sumTo } from './sum-to.ts'

export const divOp = defineOp({
  type: 'Div',
  infer: inferBinary,
  // d(a / b) = da / b − (a / b) / b db
  gradient: (g, { inputs: [a, b], outputs: [y] }, [dy]) => {
    if (!a || !b || !y || !dy) return [null, null]
    const da = div(g, dy, b)
    return [sumTo(g, da, a.shape), sumTo(g, neg(g, mul(g, da, y)), b.shape)]
  },
})

/** a / b, element by element; whole numbers are rounded towards zero */
export const div = (g: Graph, a: Value, b: Value): Value => g.apply1(divOp, [a, b])
