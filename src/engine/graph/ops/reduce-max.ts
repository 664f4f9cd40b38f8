// Knows: ReduceMax over constant axes.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { div } from './div.ts'
import { equal } from './equal.ts'
import { mul } from './mul.ts'
import { applyReduction, inferReduction, reducedAxes, withReducedAxes } from './reduce.ts'
import { reduceSum } from './reduce-sum.ts'
import { where } from './where.ts'

export const reduceMaxOp = defineOp({
  type: 'ReduceMax',
  infer: inferReduction,
  // Equal maxima share the gradient, as torch.amax does.
  gradient: (g, node, [dy]) => {
    const [x] = node.inputs
    const [y] = node.outputs
    if (!x || !y || !dy) return [null, null]
    const isMax = where(g, equal(g, x, withReducedAxes(g, node, y)), g.scalar(1), g.scalar(0))
    const share = div(g, withReducedAxes(g, node, dy), reduceSum(g, isMax, reducedAxes(g, node)))
    return [mul(g, isMax, share), null]
  },
})

/** Largest value over `axes`; `keep` leaves them as 1 */
export const reduceMax = (g: Graph, x: Value, axes: readonly number[], keep = true): Value =>
  applyReduction(g, reduceMaxOp, x, axes, keep)
