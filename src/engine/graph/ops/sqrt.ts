// Knows: Sqrt, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { div } from './div.ts'
import { mul } from './mul.ts'

export const sqrtOp = defineOp({
  type: 'Sqrt',
  infer: inferSameFloat,
  // d√x = dx / (2 √x)
  gradient: (g, { outputs: [y] }, [dy]) => (y && dy ? [div(g, mul(g, dy, g.scalar(0.5)), y)] : [null]),
})

/** √x; the gradient needs x > 0. */
export const sqrt = (g: Graph, x: Value): Value => g.apply1(sqrtOp, [x])
