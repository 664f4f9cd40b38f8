// Knows: Reciprocal, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { mul } from './mul.ts'
import { neg } from './neg.ts'

export const reciprocalOp = defineOp({
  type: 'Reciprocal',
  infer: inferSameFloat,
  // d(1 / x) = −x⁻² dx
  gradient: (g, { outputs: [y] }, [dy]) => (y && dy ? [neg(g, mul(g, dy, mul(g, y, y)))] : [null]),
})

/** 1 / x */
export const reciprocal = (g: Graph, x: Value): Value => g.apply1(reciprocalOp, [x])
