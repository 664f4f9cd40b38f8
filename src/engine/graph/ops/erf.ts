// Knows: Erf, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { exp } from './exp.ts'
import { mul } from './mul.ts'
import { neg } from './neg.ts'

export const erfOp = defineOp({
  type: 'Erf',
  infer: inferSameFloat,
  // d erf(x) = 2/√π e^(−x²) dx
  gradient: (g, { inputs: [x] }, [dy]) =>
    x && dy ? [mul(g, dy, mul(g, exp(g, neg(g, mul(g, x, x))), g.scalar(2 / Math.sqrt(Math.PI))))] : [null],
})

/** Error function, 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf = (g: Graph, x: Value): Value => g.apply1(erfOp, [x])
