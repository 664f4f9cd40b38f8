// Knows: Identity, a copy.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferSame } from '../rules.ts'

export const identityOp = defineOp({
  type: 'Identity',
  infer: inferSame,
  // dx = dy
  gradient: (_g, _node, [dy]) => [dy ?? null],
})

/** x itself, as another value */
export const identity = (g: Graph, x: Value): Value => g.apply1(identityOp, [x])
