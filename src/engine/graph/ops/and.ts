// Knows: And of two boolean tensors, broadcast together.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferBinary } from '../rules.ts'

export const andOp = defineOp({
  type: 'And',
  infer: (inference) => {
    if (inference.need(0).dtype !== 'bool') inference.refuse('it needs booleans.')
    return inferBinary(inference)
  },
  gradient: { zero: 'booleans have no slope' },
})

/** True where both are true */
export const and = (g: Graph, a: Value, b: Value): Value => g.apply1(andOp, [a, b])
