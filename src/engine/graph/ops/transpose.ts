// Knows: Transpose, a permutation of the axes.
import type { Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp, intsAttribute } from '../op.ts'

export const transposeOp = defineOp({
  type: 'Transpose',
  infer: (inference) => {
    const x = inference.need(0)
    const order =
      intsAttribute(inference.attributes, 'perm') ?? inference.refuse('it needs an order of axes.')
    const isOrder = order.length === x.shape.length && x.shape.every((_, axis) => order.includes(axis))
    if (!isOrder)
      inference.refuse(`[${order.join(', ')}] is not a permutation of its ${x.shape.length} axes.`)
    return [{ dtype: x.dtype, shape: order.map((axis) => x.shape[axis] as Dim) }]
  },
  // The gradient is the inverse permutation.
  gradient: (g, { attributes }, [dy]) => {
    const order = intsAttribute(attributes, 'perm')
    return dy && order
      ? [
          transpose(
            g,
            dy,
            order.map((_, axis) => order.indexOf(axis)),
          ),
        ]
      : [null]
  },
})

/** x with axis `order[i]` as axis i */
export const transpose = (g: Graph, x: Value, order: readonly number[]): Value =>
  order.every((axis, i) => axis === i) && order.length === x.shape.length
    ? x
    : g.apply1(transposeOp, [x], { perm: order })

/** x with its last two axes swapped */
export function transposeLast(g: Graph, x: Value): Value {
  const rank = x.shape.length
  return transpose(g, x, [...Array(rank - 2).keys(), rank - 1, rank - 2])
}
