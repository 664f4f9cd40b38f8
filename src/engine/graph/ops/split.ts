// Knows: Split into parts of given sizes along one axis. On WebGPU up to 9 parts: a node may bind 10 buffers.
import { elementsOf } from '../dims.ts'
import { needStatic, type Graph, type Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'
import { normaliseAxis } from '../rules.ts'
import { concat } from './concat.ts'
import { constantOfShape } from './constant-of-shape.ts'

export const splitOp = defineOp({
  type: 'Split',
  infer: (inference) => {
    const x = inference.need(0)
    const sizes = inference.constant(1) ?? inference.refuse('the sizes of the parts must be a constant.')
    const axis = normaliseAxis(inference, intAttribute(inference.attributes, 'axis', 0), x.shape.length)
    const whole = x.shape[axis]
    const sum = sizes.reduce((a, b) => a + b, 0)
    if (typeof whole === 'number' && sum !== whole)
      inference.refuse(`the sizes ${sizes.join(', ')} sum to ${sum}, not to the ${whole} of axis ${axis}.`)
    return sizes.map((size) => ({
      dtype: x.dtype,
      shape: x.shape.map((dim, at) => (at === axis ? size : dim)),
    }))
  },
  // The gradient of a split is its concatenation; a part without influence on the loss has zeros.
  gradient: (g, { outputs, attributes }, gradients) => {
    const parts = outputs.flatMap((part, i) => {
      if (!part) return []
      const known = gradients[i]
      if (known) return [known]
      const shape = needStatic(part, 'the gradient of an unused part of Split')
      return elementsOf(shape) ? [constantOfShape(g, shape, 0)] : []
    })
    return [concat(g, parts, intAttribute(attributes, 'axis', 0)), null]
  },
})

/** x split along `axis` into parts of `sizes`, which add up to its size there */
export const split = (g: Graph, x: Value, sizes: readonly number[], axis: number): Value[] =>
  sizes.length === 1 ? [x] : g.apply(splitOp, [x, g.integers(sizes)], { axis })
