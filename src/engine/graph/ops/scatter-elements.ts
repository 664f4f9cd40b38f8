// Knows: ScatterElements with reduction `add`, element by element along one axis.
import type { Graph, Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'
import { inferSame, needInteger, normaliseAxis } from '../rules.ts'
import { gatherElements } from './gather-elements.ts'

export const scatterElementsAddOp = defineOp({
  type: 'ScatterElements',
  infer: (inference) => {
    const [x, indices, updates] = [inference.need(0), inference.need(1), inference.need(2)]
    needInteger(inference, indices)
    if (x.dtype !== updates.dtype) inference.refuse('the updates must have the same type.')
    if (x.shape.length !== indices.shape.length || x.shape.length !== updates.shape.length)
      inference.refuse('all must have the same number of axes.')
    normaliseAxis(inference, intAttribute(inference.attributes, 'axis', 0), x.shape.length)
    return inferSame(inference)
  },
  // y = x + updates at the indices: dx = dy, dupdates = dy at the indices
  gradient: (g, { inputs: [, indices], attributes }, [dy]) =>
    indices && dy
      ? [dy, null, gatherElements(g, dy, indices, intAttribute(attributes, 'axis', 0))]
      : [null, null, null],
})

/** x with `updates` added at `indices` along `axis`; equal indices add up */
export const scatterElementsAdd = (g: Graph, x: Value, indices: Value, updates: Value, axis: number): Value =>
  g.apply1(scatterElementsAddOp, [x, indices, updates], { axis, reduction: 'add' })
