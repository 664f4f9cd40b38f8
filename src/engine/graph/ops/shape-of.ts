// Knows: Shape, the sizes of a tensor as int64 numbers.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'

export const shapeOfOp = defineOp({
  type: 'Shape',
  infer: (inference) => [{ dtype: 'i64', shape: [inference.need(0).shape.length] }],
  gradient: { zero: 'sizes do not depend on values' },
})

/** The sizes of x, known when the graph runs */
export const shapeOf = (g: Graph, x: Value): Value => g.apply1(shapeOfOp, [x])
