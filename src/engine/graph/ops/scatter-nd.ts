// Knows: ScatterND, slices written or added at index tuples along the first axes.
import type { Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp, GraphError } from '../op.ts'
import { inferSame, needInteger } from '../rules.ts'
import { gather } from './gather.ts'
import { reshape } from './reshape.ts'

export const scatterNdOp = defineOp({
  type: 'ScatterND',
  infer: (inference) => {
    const [x, indices, updates] = [inference.need(0), inference.need(1), inference.need(2)]
    needInteger(inference, indices, ['i64'])
    if (x.dtype !== updates.dtype) inference.refuse('the updates must have the same type.')
    const depth = indices.shape.at(-1)
    if (typeof depth !== 'number' || depth > x.shape.length)
      inference.refuse('the last axis of the indices must be a number of axes of x.')
    if (updates.shape.length !== indices.shape.length - 1 + x.shape.length - Number(depth))
      inference.refuse('the updates must have a slice for each index.')
    return inferSame(inference)
  },
  // y = x + updates at the indices: dx = dy, dupdates = dy at the indices
  gradient: (g, { inputs: [x, indices, updates], attributes }, [dy]) => {
    if (!x || !indices || !updates || !dy) return [null, null, null]
    if (attributes['reduction'] !== 'add' || indices.shape.length !== 2 || indices.shape[1] !== 1)
      throw new GraphError('The gradient of ScatterND supports adding rows only.')
    return [dy, null, gather(g, dy, reshape(g, indices, [indices.shape[0] as Dim]), 0)]
  },
})

/** x with the slices `updates` added at `indices` (int64 [.., depth]); equal indices add up */
export const scatterNdAdd = (g: Graph, x: Value, indices: Value, updates: Value): Value =>
  g.apply1(scatterNdOp, [x, indices, updates], { reduction: 'add' })

/** x with its slices at `indices` (int64 [.., depth]) replaced by `updates`; the indices must differ */
export const scatterNd = (g: Graph, x: Value, indices: Value, updates: Value): Value =>
  g.apply1(scatterNdOp, [x, indices, updates], { reduction: 'none' })
