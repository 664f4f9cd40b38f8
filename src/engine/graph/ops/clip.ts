// Knows: Clip, values limited to a range between two constants.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { and } from './and.ts'
import { less } from './less.ts'
import { where } from './where.ts'

export const clipOp = defineOp({
  type: 'Clip',
  infer: inferSameFloat,
  // d clip(x) = dx inside the range, else 0
  gradient: (g, { inputs: [x, low, high] }, [dy]) => {
    if (!x || !low || !high || !dy) return [null, null, null]
    return [where(g, and(g, less(g, low, x), less(g, x, high)), dy, g.scalar(0)), null, null]
  },
})

/** x limited to low … high */
export const clip = (g: Graph, x: Value, low: number, high: number): Value =>
  g.apply1(clipOp, [x, g.scalar(low), g.scalar(high)])
