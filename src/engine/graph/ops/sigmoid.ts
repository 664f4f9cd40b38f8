// Knows: Sigmoid, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { mul } from './mul.ts'
import { sub } from './sub.ts'

export const sigmoidOp = defineOp({
  type: 'Sigmoid',
  infer: inferSameFloat,
  // dσ(x) = σ(x) (1 − σ(x)) dx
  gradient: (g, { outputs: [y] }, [dy]) =>
    y && dy ? [mul(g, dy, mul(g, y, sub(g, g.scalar(1), y)))] : [null],
})

/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (g: Graph, x: Value): Value => g.apply1(sigmoidOp, [x])
