// Knows: Where, which selects between two tensors by a condition, all broadcast together.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { broadcastShapes } from '../rules.ts'
import { sumTo } from './sum-to.ts'

export const whereOp = defineOp({
  type: 'Where',
  infer: (inference) => {
    const [condition, a, b] = [inference.need(0), inference.need(1), inference.need(2)]
    if (condition.dtype !== 'bool') inference.refuse('the condition must be boolean.')
    if (a.dtype !== b.dtype) inference.refuse('both values must have the same type.')
    return [{ dtype: a.dtype, shape: broadcastShapes(inference, [condition.shape, a.shape, b.shape]) }]
  },
  // da = dy where the condition is true, db = dy where it is false
  gradient: (g, { inputs: [condition, a, b] }, [dy]) => {
    if (!condition || !a || !b || !dy) return [null, null, null]
    const zero = g.scalar(0)
    return [
      null,
      sumTo(g, where(g, condition, dy, zero), a.shape),
      sumTo(g, where(g, condition, zero, dy), b.shape),
    ]
  },
})

/** `a` where the condition is true, else `b` */
export const where = (g: Graph, condition: Value, a: Value, b: Value): Value =>
  g.apply1(whereOp, [condition, a, b])
