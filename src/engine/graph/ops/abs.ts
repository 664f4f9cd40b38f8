// Knows: Abs, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { less } from './less.ts'
import { neg } from './neg.ts'
import { where } from './where.ts'

export const absOp = defineOp({
  type: 'Abs',
  infer: inferSameFloat,
  // d|x| = sign(x) dx
  gradient: (g, { inputs: [x] }, [dy]) =>
    x && dy ? [where(g, less(g, x, g.scalar(0)), neg(g, dy), dy)] : [null],
})

/** |x|; its gradient at 0 is 1. */
export const abs = (g: Graph, x: Value): Value => g.apply1(absOp, [x])
