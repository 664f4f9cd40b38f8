// Knows: Expand, broadcasting to a constant shape.
import { isStatic, sameShape } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { broadcastShapes } from '../rules.ts'
import { shapeOf } from './shape-of.ts'
import { sumTo } from './sum-to.ts'

export const expandOp = defineOp({
  type: 'Expand',
  infer: (inference) => {
    const x = inference.need(0)
    const target = inference.constant(1)
    if (target) return [{ dtype: x.dtype, shape: broadcastShapes(inference, [x.shape, target]) }]
    const sizes = inference.need(1).shape
    if (sizes.length !== 1 || typeof sizes[0] !== 'number')
      inference.refuse('the shape to expand to must be a list of known length.')
    return [
      {
        dtype: x.dtype,
        shape: Array.from({ length: Number(sizes[0]) }, (_, i) => `${inference.need(1).name}[${i}]`),
      },
    ]
  },
  // The gradient of broadcasting is the sum over the stretched axes.
  gradient: (g, { inputs: [x] }, [dy]) => (x && dy ? [sumTo(g, dy, x.shape), null] : [null, null]),
})

/** x broadcast to a shape of numbers */
export const expand = (g: Graph, x: Value, shape: readonly number[]): Value =>
  g.apply1(expandOp, [x, g.integers(shape)])

/** x broadcast to the shape of another value, whose sizes may be symbols */
export function expandLike(g: Graph, x: Value, like: Value): Value {
  if (sameShape(x.shape, like.shape)) return x
  if (isStatic(like.shape)) return expand(g, x, like.shape)
  return g.assume(g.apply1(expandOp, [x, shapeOf(g, like)]), like.shape)
}
