// Knows: Equal, a comparison of two tensors, broadcast together. On WebGPU it has a kernel for f32 and i32, not for
// i64.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { inferComparison } from '../rules.ts'

export const equalOp = defineOp({
  type: 'Equal',
  infer: inferComparison,
  gradient: { zero: 'a comparison has no slope' },
})

/** True where a=b */
export const equal = (g: Graph, a: Value, b: Value): Value => g.apply1(equalOp, [a, b])
