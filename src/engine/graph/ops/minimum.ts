// Knows: Min of two tensors, broadcast together.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferBinary } from '../rules.ts'
import { less } from './less.ts'
import { sumTo } from './sum-to.ts'
import { where } from './where.ts'

export const minimumOp = defineOp({
  type: 'Min',
  infer: inferBinary,
  // The gradient goes to the smaller one; to b where both are equal.
  gradient: (g, { inputs: [a, b] }, [dy]) => {
    if (!a || !b || !dy) return [null, null]
    const chosen = less(g, a, b)
    const zero = g.scalar(0)
    return [sumTo(g, where(g, chosen, dy, zero), a.shape), sumTo(g, where(g, chosen, zero, dy), b.shape)]
  },
})

/** The smaller of a and b, element by element */
export const minimum = (g: Graph, a: Value, b: Value): Value => g.apply1(minimumOp, [a, b])
