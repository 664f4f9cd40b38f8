// Knows: Slice along axes, with bounds that are constants or values known at run time.
import type { Dim } from '../dims.ts'
import { needStatic, type Graph, type Value } from '../graph.ts'
import { defineOp, GraphError } from '../op.ts'
import { axisFromEnd, normaliseAxis } from '../rules.ts'
import { concat } from './concat.ts'
import { constantOfShape } from './constant-of-shape.ts'

/** Beyond every axis: "to the end". */
export const TO_END = 2 ** 31 - 1

const bound = (at: number, size: number): number => Math.max(0, Math.min(size, at < 0 ? at + size : at))

export const sliceOp = defineOp({
  type: 'Slice',
  infer: (inference) => {
    const x = inference.need(0)
    const [starts, ends, axes, steps] = [
      inference.constant(1),
      inference.constant(2),
      inference.constant(3),
      inference.constant(4),
    ]
    if (!axes) return inference.refuse('the axes must be a constant.')
    if (steps?.some((step) => step !== 1)) inference.refuse('only steps of 1 are supported.')
    const shape: Dim[] = x.shape.slice()
    axes.forEach((given, i) => {
      const axis = normaliseAxis(inference, given, shape.length)
      const [size, from, to] = [shape[axis] as Dim, starts?.[i], ends?.[i]]
      if (typeof size === 'number' && from !== undefined && to !== undefined)
        shape[axis] = Math.max(0, bound(to, size) - bound(from, size))
      else if (typeof size === 'string' && from === 0 && to !== undefined && to >= TO_END) shape[axis] = size
      else
        shape[axis] =
          `${x.name}[${starts ? from : inference.need(1).name}:${ends ? to : inference.need(2).name}]`
    })
    return [{ dtype: x.dtype, shape }]
  },
  // dx = dy padded with zeros; for constant bounds on axes of known size.
  gradient: (g, node, [dy]) => {
    const [x, starts, ends, axes] = node.inputs
    if (!x || !starts || !ends || !axes || !dy) return [null, null, null, null]
    const [froms, tos, along] = [g.integersOf(starts), g.integersOf(ends), g.integersOf(axes)]
    if (!froms || !tos || !along) throw new GraphError('The gradient of Slice needs constant bounds.')
    const sizes = needStatic(x, 'the gradient of Slice')
    let out = dy
    along.forEach((given, i) => {
      const axis = axisFromEnd(given, sizes.length)
      const size = sizes[axis] ?? 0
      const [from, to] = [bound(froms[i] ?? 0, size), bound(tos[i] ?? size, size)]
      const pad = (length: number): Value[] =>
        length > 0
          ? [
              constantOfShape(
                g,
                needStatic(out, 'the gradient of Slice').map((dim, at) => (at === axis ? length : dim)),
                0,
              ),
            ]
          : []
      out = concat(g, [...pad(from), out, ...pad(size - to)], axis)
    })
    return [out, null, null, null]
  },
})

/**
 * Elements `from` (inclusive) to `to` (exclusive) of x along `axis`; negative numbers count from the end, values are
 * int64 [1]
 */
export const slice = (g: Graph, x: Value, from: number | Value, to: number | Value, axis: number): Value => {
  const asValue = (at: number | Value): Value => (typeof at === 'number' ? g.integers([at]) : at)
  return g.apply1(sliceOp, [x, asValue(from), asValue(to), g.integers([axis])])
}
