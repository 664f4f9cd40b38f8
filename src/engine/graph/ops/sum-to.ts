// Knows: the gradient of broadcasting: a sum back to the original shape.
import { sameShape, type Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { GraphError, showType } from '../op.ts'
import { reduceSum } from './reduce-sum.ts'
import { reshape } from './reshape.ts'

/** `x` summed over the axes along which `shape` was broadcast to it. A symbol counts as stretched only to itself. */
export function sumTo(g: Graph, x: Value, shape: readonly Dim[]): Value {
  if (sameShape(x.shape, shape)) return x
  const lead = x.shape.length - shape.length
  if (lead < 0)
    throw new GraphError(`A gradient of ${showType(x)} cannot be summed to [${shape.join(', ')}].`)
  const axes = x.shape.flatMap((dim, axis) =>
    axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : [],
  )
  const summed = axes.length ? reduceSum(g, x, axes) : x
  return lead ? reshape(g, summed, shape) : summed
}
