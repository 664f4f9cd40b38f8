// Knows: Log, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { div } from './div.ts'

export const logOp = defineOp({
  type: 'Log',
  infer: inferSameFloat,
  // d log x = dx / x
  gradient: (g, { inputs: [x] }, [dy]) => (x && dy ? [div(g, dy, x)] : [null]),
})

/** Natural logarithm; x > 0. */
export const log = (g: Graph, x: Value): Value => g.apply1(logOp, [x])
