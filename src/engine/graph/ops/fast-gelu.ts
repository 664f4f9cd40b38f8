// Knows: FastGelu (com.microsoft), the tanh approximation of GELU, element by element.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSameFloat } from '../rules.ts'

export const fastGeluOp = defineOp({
  type: 'FastGelu',
  domain: 'com.microsoft',
  infer: inferSameFloat,
  gradient: { none: 'no model that is trained here uses it' },
})

/** x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³))). Source: Hendrycks and Gimpel 2016. */
export const fastGelu = (g: Graph, x: Value): Value => g.apply1(fastGeluOp, [x])
