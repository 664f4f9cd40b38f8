// Knows: Gather, slices of a tensor picked by indices along one axis.
import { multiplyDims } from '../dims.ts'
import { needStatic, type Graph, type Value } from '../graph.ts'
import { defineOp, GraphError, intAttribute } from '../op.ts'
import { needInteger, normaliseAxis } from '../rules.ts'
import { constantOfShape } from './constant-of-shape.ts'
import { reshape } from './reshape.ts'
import { scatterNdAdd } from './scatter-nd.ts'

export const gatherOp = defineOp({
  type: 'Gather',
  infer: (inference) => {
    const [x, indices] = [inference.need(0), inference.need(1)]
    needInteger(inference, indices)
    const axis = normaliseAxis(inference, intAttribute(inference.attributes, 'axis', 0), x.shape.length)
    return [
      { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] },
    ]
  },
  // dx = zeros with dy added at the rows of the indices; rows picked more than once add up. Axis 0 and int64 indices:
  // ScatterND needs these.
  gradient: (g, { inputs: [x, indices], attributes }, [dy]) => {
    if (!x || !indices || !dy) return [null, null]
    if (intAttribute(attributes, 'axis', 0) !== 0 || indices.dtype !== 'i64')
      throw new GraphError('The gradient of Gather supports axis 0 and int64 indices only.')
    const shape = needStatic(x, 'the gradient of Gather')
    const count = multiplyDims(indices.shape)
    const rows = reshape(g, dy, [count, ...shape.slice(1)])
    return [scatterNdAdd(g, constantOfShape(g, shape, 0), reshape(g, indices, [count, 1]), rows), null]
  },
})

/** x's slices at `indices` (int32 or int64) along `axis` */
export const gather = (g: Graph, x: Value, indices: Value, axis = 0): Value =>
  g.apply1(gatherOp, [x, indices], { axis })
