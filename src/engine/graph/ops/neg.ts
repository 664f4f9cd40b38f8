// Knows: Neg, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'

export const negOp = defineOp({
  type: 'Neg',
  infer: inferSameFloat,
  // d(−x) = −dx
  gradient: (g, _, [dy]) => (dy ? [neg(g, dy)] : [null]),
})

/** −x */
export const neg = (g: Graph, x: Value): Value => g.apply1(negOp, [x])
