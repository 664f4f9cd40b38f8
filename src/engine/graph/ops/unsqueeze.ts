// Knows: Unsqueeze, new axes of size 1.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { normaliseAxis } from '../rules.ts'
import { reshape } from './reshape.ts'

export const unsqueezeOp = defineOp({
  type: 'Unsqueeze',
  infer: (inference) => {
    const x = inference.need(0)
    const given = inference.constant(1) ?? inference.refuse('the axes must be a constant.')
    const rank = x.shape.length + given.length
    const axes = new Set(given.map((axis) => normaliseAxis(inference, axis, rank)))
    if (axes.size !== given.length) inference.refuse('an axis is listed twice.')
    const old = x.shape.values()
    return [
      {
        dtype: x.dtype,
        shape: Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (old.next().value ?? 1))),
      },
    ]
  },
  gradient: (g, { inputs: [x] }, [dy]) => (x && dy ? [reshape(g, dy, x.shape), null] : [null, null]),
})

/** x with new axes of size 1; `axes` are their indices in the result */
export const unsqueeze = (g: Graph, x: Value, axes: readonly number[]): Value =>
  g.apply1(unsqueezeOp, [x, g.integers(axes)])
