// Knows: ReduceMean over constant axes of known sizes.
import { elementsOf } from '../dims.ts'
import { needStatic, type Graph, type Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { expandLike } from './expand.ts'
import { mul } from './mul.ts'
import { applyReduction, inferReduction, reducedAxes, withReducedAxes } from './reduce.ts'

export const reduceMeanOp = defineOp({
  type: 'ReduceMean',
  infer: inferReduction,
  // d mean(x) = mean(dx): dy / n for each of the n elements
  gradient: (g, node, [dy]) => {
    const x = node.inputs[0]
    if (!x || !dy) return [null, null]
    const sizes = reducedAxes(g, node).map((axis) => x.shape[axis] ?? 1)
    const count = elementsOf(needStatic({ ...x, shape: sizes }, 'the gradient of a mean'))
    return [expandLike(g, mul(g, withReducedAxes(g, node, dy), g.scalar(1 / count)), x), null]
  },
})

/** Mean over `axes`; `keep` leaves them as 1 */
export const reduceMean = (g: Graph, x: Value, axes: readonly number[], keep = true): Value =>
  applyReduction(g, reduceMeanOp, x, axes, keep)
