// Knows: ConstantOfShape, a tensor full of one float.
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'

export const constantOfShapeOp = defineOp({
  type: 'ConstantOfShape',
  infer: (inference) => [
    { dtype: 'f32', shape: inference.constant(0) ?? inference.refuse('the shape must be a constant.') },
  ],
  gradient: { zero: 'it has no inputs with a slope' },
})

/** f32 tensor of `shape` in which every element is `x`; its elements are not stored in the model file */
export const constantOfShape = (g: Graph, shape: readonly number[], x: number): Value =>
  g.apply1(constantOfShapeOp, [g.integers(shape)], {
    value: { tensor: { dtype: 'f32', shape: [1], data: new Uint8Array(Float32Array.of(x).buffer) } },
  })
