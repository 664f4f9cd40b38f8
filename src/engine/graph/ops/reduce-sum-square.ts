// Knows: ReduceSumSquare over constant axes.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { mul } from './mul.ts'
import { applyReduction, inferReduction, withReducedAxes } from './reduce.ts'

export const reduceSumSquareOp = defineOp({
  type: 'ReduceSumSquare',
  infer: inferReduction,
  // d sum(x²) = sum(2 x dx)
  gradient: (g, node, [dy]) => {
    const x = node.inputs[0]
    return x && dy ? [mul(g, mul(g, x, g.scalar(2)), withReducedAxes(g, node, dy)), null] : [null, null]
  },
})

/** Sum of squares over `axes`; `keep` leaves them as 1 */
export const reduceSumSquare = (g: Graph, x: Value, axes: readonly number[], keep = true): Value =>
  applyReduction(g, reduceSumSquareOp, x, axes, keep)
