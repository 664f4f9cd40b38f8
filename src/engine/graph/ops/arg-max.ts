// Knows: ArgMax along one axis.
import type { Graph, Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'
import { needFloat, normaliseAxis } from '../rules.ts'

export const argMaxOp = defineOp({
  type: 'ArgMax',
  infer: (inference) => {
    const x = inference.need(0)
    needFloat(inference, x)
    const along = normaliseAxis(inference, intAttribute(inference.attributes, 'axis', 0), x.shape.length)
    return [{ dtype: 'i64', shape: x.shape.filter((_, axis) => axis !== along) }]
  },
  gradient: { zero: 'an index has no slope' },
})

/** int64 index of the largest element along `axis`, which is dropped; the first of equal ones */
export const argMax = (g: Graph, x: Value, axis: number): Value =>
  g.apply1(argMaxOp, [x], { axis, keepdims: 0 })
