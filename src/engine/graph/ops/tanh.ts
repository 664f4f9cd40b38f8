// Knows: Tanh, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { mul } from './mul.ts'
import { sub } from './sub.ts'

export const tanhOp = defineOp({
  type: 'Tanh',
  infer: inferSameFloat,
  // d tanh x = (1 − tanh² x) dx
  gradient: (g, { outputs: [y] }, [dy]) =>
    y && dy ? [mul(g, dy, sub(g, g.scalar(1), mul(g, y, y)))] : [null],
})

/** Hyperbolic tangent. */
export const tanh = (g: Graph, x: Value): Value => g.apply1(tanhOp, [x])
