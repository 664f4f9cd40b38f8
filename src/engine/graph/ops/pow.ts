// Knows: Pow with an exponent that is a scalar constant of the graph.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferBinary } from '../rules.ts'
import { div } from './div.ts'
import { mul } from './mul.ts'
import { sumTo } from './sum-to.ts'

export const powOp = defineOp({
  type: 'Pow',
  infer: inferBinary,
  // d xⁿ = n xⁿ / x dx; n is a constant and has no gradient. x must not be 0.
  gradient: (g, { inputs: [x, n], outputs: [y] }, [dy]) =>
    x && n && y && dy ? [sumTo(g, mul(g, dy, div(g, mul(g, n, y), x)), x.shape), null] : [null, null],
})

/** xⁿ for a constant n */
export const pow = (g: Graph, x: Value, n: number): Value => g.apply1(powOp, [x, g.scalar(n)])
