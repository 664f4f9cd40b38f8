// Knows: GatherElements, one element for each index along an axis.
import { needStatic, type Graph, type Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'
import { needInteger, normaliseAxis } from '../rules.ts'
import { constantOfShape } from './constant-of-shape.ts'
import { scatterElementsAdd } from './scatter-elements.ts'

export const gatherElementsOp = defineOp({
  type: 'GatherElements',
  infer: (inference) => {
    const [x, indices] = [inference.need(0), inference.need(1)]
    needInteger(inference, indices)
    if (x.shape.length !== indices.shape.length) inference.refuse('both must have the same number of axes.')
    normaliseAxis(inference, intAttribute(inference.attributes, 'axis', 0), x.shape.length)
    return [{ dtype: x.dtype, shape: indices.shape }]
  },
  // dx = zeros with dy added at the indices
  gradient: (g, { inputs: [x, indices], attributes }, [dy]) => {
    if (!x || !indices || !dy) return [null, null]
    const zeros = constantOfShape(g, needStatic(x, 'the gradient of GatherElements'), 0)
    return [scatterElementsAdd(g, zeros, indices, dy, intAttribute(attributes, 'axis', 0)), null]
  },
})

/** The element of x along `axis` for each index; the result has the indices' shape */
export const gatherElements = (g: Graph, x: Value, indices: Value, axis: number): Value =>
  g.apply1(gatherElementsOp, [x, indices], { axis })
