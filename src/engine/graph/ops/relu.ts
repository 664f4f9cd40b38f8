// Knows: Relu, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { less } from './less.ts'
import { where } from './where.ts'

export const reluOp = defineOp({
  type: 'Relu',
  infer: inferSameFloat,
  // d max(x, 0) = dx where x > 0, else 0
  gradient: (g, { inputs: [x] }, [dy]) =>
    x && dy ? [where(g, less(g, g.scalar(0), x), dy, g.scalar(0))] : [null],
})

/** max(x, 0) */
export const relu = (g: Graph, x: Value): Value => g.apply1(reluOp, [x])
