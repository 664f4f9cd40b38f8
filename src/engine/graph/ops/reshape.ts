// Knows: Reshape to a constant shape in which 0 keeps a size and -1 is inferred.
import { divideDims, multiplyDims, sameShape, type Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp, GraphError, showType } from '../op.ts'

export const reshapeOp = defineOp({
  type: 'Reshape',
  infer: (inference) => {
    const x = inference.need(0)
    const requested = inference.constant(1) ?? inference.refuse('the new shape must be a constant.')
    const shape = requested.map((dim, axis): Dim =>
      dim === 0
        ? (x.shape[axis] ?? inference.refuse(`there is no axis ${axis} whose size could be kept.`))
        : dim,
    )
    const whole = multiplyDims(x.shape)
    const open = shape.indexOf(-1)
    if (open >= 0) {
      const others = shape.filter((_, axis) => axis !== open)
      if (others.includes(-1)) inference.refuse('only one size can be inferred.')
      shape[open] =
        divideDims(whole, multiplyDims(others)) ??
        (typeof whole === 'string' || others.some((dim) => typeof dim === 'string')
          ? `(${whole}/${multiplyDims(others)})`
          : inference.refuse(`${whole} elements do not fit into the shape [${requested.join(', ')}].`))
    } else {
      const now = multiplyDims(shape)
      if (typeof whole === 'number' && typeof now === 'number' && whole !== now)
        inference.refuse(`${whole} elements do not fit into the shape [${requested.join(', ')}].`)
    }
    return [{ dtype: x.dtype, shape }]
  },
  // The gradient has the shape of x.
  gradient: (g, { inputs: [x] }, [dy]) => (x && dy ? [reshape(g, dy, x.shape), null] : [null, null]),
})

/**
 * x in another shape. A size of 0 keeps x's, -1 is inferred; a symbol must be at the same axis as in x, or be the only
 * size to infer.
 */
export function reshape(g: Graph, x: Value, shape: readonly Dim[]): Value {
  if (sameShape(x.shape, shape)) return x
  let open = shape.includes(-1)
  const sizes = shape.map((dim, axis): number => {
    if (typeof dim === 'number') return dim
    if (dim === x.shape[axis]) return 0
    if (open)
      throw new GraphError(
        `Reshape of ${showType(x)} to [${shape.join(', ')}] leaves more than one size to infer.`,
      )
    open = true
    return -1
  })
  const made = g.apply1(reshapeOp, [x, g.integers(sizes)])
  return g.assume(
    made,
    shape.map((dim, axis) => (dim === 0 || dim === -1 ? (made.shape[axis] as Dim) : dim)),
  )
}
