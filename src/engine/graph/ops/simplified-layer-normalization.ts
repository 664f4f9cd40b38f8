// Knows: SimplifiedLayerNormalization, ONNX Runtime's fused RMSNorm over the last axis.
import { mayBeEqual, type Dim } from '../dims.ts'
import { needStatic, type Graph, type Value } from '../graph.ts'
import { defineOp, floatAttribute, type Inference } from '../op.ts'
import { inferSameFloat } from '../rules.ts'
import { add } from './add.ts'
import { matMul } from './mat-mul.ts'
import { mul } from './mul.ts'
import { reciprocal } from './reciprocal.ts'
import { reduceSum } from './reduce-sum.ts'
import { reduceSumSquare } from './reduce-sum-square.ts'
import { reshape } from './reshape.ts'
import { sqrt } from './sqrt.ts'
import { sub } from './sub.ts'

/** The weight must have one number per element of the last axis. */
export function needNormWeight(inference: Inference, weight: Value): void {
  const x = inference.need(0)
  if (weight.shape.length !== 1 || !mayBeEqual(weight.shape[0] as Dim, x.shape.at(-1) ?? 0))
    inference.refuse(`the weight must have the size ${x.shape.at(-1)} of the last axis.`)
}

export const simplifiedLayerNormalizationOp = defineOp({
  type: 'SimplifiedLayerNormalization',
  infer: (inference) => {
    needNormWeight(inference, inference.need(1))
    return inferSameFloat(inference)
  },
  gradient: (g, { inputs: [x, weight], attributes }, [dy]) =>
    x && weight && dy
      ? rmsNormGradient(g, x, weight, dy, floatAttribute(attributes, 'epsilon', 1e-5))
      : [null, null],
})

/**
 * Gradients of y = x / rms(x) · weight. With n = x / rms(x) and c = mean over the axis of (dy · weight · n):
 * dx = (dy · weight − n · c) / rms(x), and dweight = sum over rows of dy · n.
 * The mean is a product with weight / width, which saves a pass over the activations.
 */
export function rmsNormGradient(
  g: Graph,
  x: Value,
  weight: Value,
  dy: Value,
  epsilon: number,
): [Value, Value] {
  const width = needStatic(weight, 'the gradient of a norm')[0] ?? 1
  const meanSquare = mul(g, reduceSumSquare(g, x, [-1]), g.scalar(1 / width))
  const inverse = reciprocal(g, sqrt(g, add(g, meanSquare, g.scalar(epsilon))))
  const normed = mul(g, x, inverse)
  const slope = mul(g, dy, normed)
  const c = matMul(g, slope, reshape(g, mul(g, weight, g.scalar(1 / width)), [width, 1]))
  const dx = mul(g, sub(g, mul(g, dy, weight), mul(g, normed, c)), inverse)
  const rows = x.shape.slice(0, -1).map((_, axis) => axis)
  return [dx, reduceSum(g, slope, rows, false)]
}

/** x / √(mean of x² over the last axis + epsilon) · weight: RMSNorm (Zhang and Sennrich, 2019) */
export const simplifiedLayerNormalization = (g: Graph, x: Value, weight: Value, epsilon: number): Value =>
  g.apply1(simplifiedLayerNormalizationOp, [x, weight], { axis: -1, epsilon: { float: epsilon } })
