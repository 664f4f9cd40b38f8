// Knows: Sub of two tensors, broadcast together.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferBinary } from '../rules.ts'
import { sumTo } from './sum-to.ts'
import { neg } from './neg.ts'

export const subOp = defineOp({
  type: 'Sub',
  infer: inferBinary,
  // d(a − b) = da − db
  gradient: (g, { inputs: [a, b] }, [dy]) =>
    a && b && dy ? [sumTo(g, dy, a.shape), sumTo(g, neg(g, dy), b.shape)] : [null, null],
})

/** a − b */
export const sub = (g: Graph, a: Value, b: Value): Value => g.apply1(subOp, [a, b])
