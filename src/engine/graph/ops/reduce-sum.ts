// Knows: ReduceSum over constant axes.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { expandLike } from './expand.ts'
import { applyReduction, inferReduction, withReducedAxes } from './reduce.ts'

export const reduceSumOp = defineOp({
  type: 'ReduceSum',
  infer: inferReduction,
  // d sum(x) = sum(dx): dy for each element
  gradient: (g, node, [dy]) => {
    const x = node.inputs[0]
    return x && dy ? [expandLike(g, withReducedAxes(g, node, dy), x), null] : [null, null]
  },
})

/** Sum over `axes`; `keep` leaves them as 1 */
export const reduceSum = (g: Graph, x: Value, axes: readonly number[], keep = true): Value =>
  applyReduction(g, reduceSumOp, x, axes, keep)
