// Knows: SkipSimplifiedLayerNormalization, ONNX Runtime's fused sum and RMSNorm of the sum.
import { sameShape } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp, floatAttribute } from '../op.ts'
import { needFloat } from '../rules.ts'
import { add } from './add.ts'
import { needNormWeight, rmsNormGradient } from './simplified-layer-normalization.ts'

export const skipSimplifiedLayerNormalizationOp = defineOp({
  type: 'SkipSimplifiedLayerNormalization',
  domain: 'com.microsoft',
  infer: (inference) => {
    const [a, b] = [inference.need(0), inference.need(1)]
    needFloat(inference, a)
    if (!sameShape(a.shape, b.shape)) inference.refuse('both summands must have the same shape.')
    needNormWeight(inference, inference.need(2))
    const type = { dtype: a.dtype, shape: a.shape }
    return [type, null, null, type]
  },
  // The gradient of RMSNorm at the sum, plus the gradient of the sum itself, for both summands.
  gradient: (g, { inputs: [a, , weight], outputs: [, , , sum], attributes }, [dNormed, , , dSum]) => {
    if (!a || !weight || !sum) return [null, null, null]
    if (!dNormed) return [dSum ?? null, dSum ?? null, null]
    const [dx, dWeight] = rmsNormGradient(
      g,
      sum,
      weight,
      dNormed,
      floatAttribute(attributes, 'epsilon', 1e-5),
    )
    const both = dSum ? add(g, dx, dSum) : dx
    return [both, both, dWeight]
  },
})

/** The sum a + b [.., width] and its RMSNorm, in one pass */
export function skipSimplifiedLayerNormalization(
  g: Graph,
  a: Value,
  b: Value,
  weight: Value,
  epsilon: number,
): { normed: Value; sum: Value } {
  const [normed, sum] = g.apply(skipSimplifiedLayerNormalizationOp, [a, b, weight], {
    epsilon: { float: epsilon },
  })
  return { normed: normed as Value, sum: sum as Value }
}
