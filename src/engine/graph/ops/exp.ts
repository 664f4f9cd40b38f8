// Knows: Exp, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { mul } from './mul.ts'

export const expOp = defineOp({
  type: 'Exp',
  infer: inferSameFloat,
  // d eˣ = eˣ dx
  gradient: (g, { outputs: [y] }, [dy]) => (y && dy ? [mul(g, dy, y)] : [null]),
})

/** eˣ */
export const exp = (g: Graph, x: Value): Value => g.apply1(expOp, [x])
