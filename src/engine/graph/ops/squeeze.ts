// Knows: Squeeze, which removes axes of size 1.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { normaliseAxis } from '../rules.ts'
import { reshape } from './reshape.ts'

export const squeezeOp = defineOp({
  type: 'Squeeze',
  infer: (inference) => {
    const x = inference.need(0)
    const given = inference.constant(1) ?? inference.refuse('the axes must be a constant.')
    const axes = new Set(given.map((axis) => normaliseAxis(inference, axis, x.shape.length)))
    for (const axis of axes) {
      const dim = x.shape[axis]
      if (typeof dim === 'number' && dim !== 1) inference.refuse(`axis ${axis} has size ${dim}, not 1.`)
    }
    return [{ dtype: x.dtype, shape: x.shape.filter((_, axis) => !axes.has(axis)) }]
  },
  gradient: (g, { inputs: [x] }, [dy]) => (x && dy ? [reshape(g, dy, x.shape), null] : [null, null]),
})

/** x without `axes`, all of size 1 */
export const squeeze = (g: Graph, x: Value, axes: readonly number[]): Value =>
  g.apply1(squeezeOp, [x, g.integers(axes)])
