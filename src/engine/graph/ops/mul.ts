// Knows: Mul of two tensors, broadcast together.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferBinary } from '../rules.ts'
import { sumTo } from './sum-to.ts'

export const mulOp = defineOp({
  type: 'Mul',
  infer: inferBinary,
  // d(a · b) = b da + a db
  gradient: (g, { inputs: [a, b] }, [dy]) =>
    a && b && dy ? [sumTo(g, mul(g, dy, b), a.shape), sumTo(g, mul(g, dy, a), b.shape)] : [null, null],
})

/** a · b, element by element */
export const mul = (g: Graph, a: Value, b: Value): Value => g.apply1(mulOp, [a, b])
