// Knows: TopK along the last axis.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { needFloat } from '../rules.ts'

export const topKOp = defineOp({
  type: 'TopK',
  infer: (inference) => {
    const x = inference.need(0)
    needFloat(inference, x)
    const k = inference.constant(1)?.[0] ?? inference.refuse('k must be a constant.')
    const last = x.shape.at(-1)
    if (typeof last === 'number' && k > last)
      inference.refuse(`there are no ${k} elements along an axis of size ${last}.`)
    const shape = [...x.shape.slice(0, -1), k]
    return [
      { dtype: x.dtype, shape },
      { dtype: 'i64', shape },
    ]
  },
  gradient: { none: 'it is used to read results, not to train' },
})

/** The k largest elements along the last axis, largest first, and their int64 indices */
export function topK(g: Graph, x: Value, k: number): { values: Value; indices: Value } {
  const [values, indices] = g.apply(topKOp, [x, g.integers([k])], { axis: -1 })
  return { values: values as Value, indices: indices as Value }
}
