// Knows: Concat along one axis.
import { addDims, isStatic, mayBeEqual, type Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp, GraphError, intAttribute, showType } from '../op.ts'
import { axisFromEnd, normaliseAxis } from '../rules.ts'
import { split } from './split.ts'

export const concatOp = defineOp({
  type: 'Concat',
  infer: (inference) => {
    const first = inference.need(0)
    const all = inference.inputs.map((_, i) => inference.need(i))
    const axis = normaliseAxis(inference, intAttribute(inference.attributes, 'axis', 0), first.shape.length)
    for (const x of all) {
      if (x.dtype !== first.dtype) inference.refuse('all must have the same type.')
      if (x.shape.length !== first.shape.length) inference.refuse('all must have the same number of axes.')
      x.shape.forEach(
        (dim, at) =>
          at === axis ||
          mayBeEqual(dim, first.shape[at] as Dim) ||
          inference.refuse(`the sizes ${first.shape[at]} and ${dim} of axis ${at} differ.`),
      )
    }
    return [
      {
        dtype: first.dtype,
        shape: first.shape.map((dim, at) =>
          at === axis ? addDims(all.map((x) => x.shape[axis] as Dim)) : dim,
        ),
      },
    ]
  },
  // The gradient of a concatenation is its split.
  gradient: (g, { inputs, outputs: [y], attributes }, [dy]) => {
    if (!dy || !y) return inputs.map(() => null)
    const axis = axisFromEnd(intAttribute(attributes, 'axis', 0), y.shape.length)
    const sizes = inputs.map((x) => x?.shape[axis] ?? 0)
    if (!isStatic(sizes))
      throw new GraphError(
        `The gradient of Concat of ${inputs.map(showType).join(', ')} needs sizes that are numbers along axis ${axis}.`,
      )
    return split(g, dy, sizes, axis)
  },
})

/** `xs` concatenated along `axis` */
export const concat = (g: Graph, xs: readonly Value[], axis: number): Value =>
  xs.length === 1 ? (xs[0] as Value) : g.apply1(concatOp, xs, { axis })
