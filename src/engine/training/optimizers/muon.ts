// Knows: Muon as nodes of a graph: momentum, orthogonalized by five Newton-Schulz steps, for matrices.
// Source: Jordan et al. 2024, as torch.optim.Muon computes it (with Nesterov momentum, in 32-bit floats); the factor
// 0.2 · √(larger side) gives its updates the size of AdamW's, so that both can use one learning rate (Liu et al. 2025).
import { needStatic, type Graph, type Value } from '../../graph/graph.ts'
import {
  add,
  div,
  gemm,
  maximum,
  mul,
  reduceSumSquare,
  reshape,
  sqrt,
  sub,
  transpose,
} from '../../graph/ops/index.ts'
import type { UpdateRule } from './optimizer.ts'

const MOMENTUM = 0.95
const STEPS = 5
/** a, b, c of the quintic, chosen for the steepest slope at zero. */
const [A, B, C] = [3.4445, -4.775, 2.0315]
const EPSILON = 1e-7

/** A matrix with the same singular vectors and singular values near one. */
function orthogonalize(g: Graph, matrix: Value): Value {
  const [rows = 0, columns = 0] = needStatic(matrix, 'a matrix of Muon')
  const tall = rows > columns
  const wide = tall ? transpose(g, matrix, [1, 0]) : matrix
  const norm = sqrt(g, reshape(g, reduceSumSquare(g, wide, [0, 1]), []))
  let x = div(g, wide, maximum(g, norm, g.scalar(EPSILON)))
  for (let step = 0; step < STEPS; step++) {
    const gram = gemm(g, x, x, { transB: true })
    const change = add(g, mul(g, gram, g.scalar(B)), mul(g, gemm(g, gram, gram), g.scalar(C)))
    x = add(g, mul(g, x, g.scalar(A)), gemm(g, change, x))
  }
  return tall ? transpose(g, x, [1, 0]) : x
}

export const muon: UpdateRule = {
  hasSecondMoment: false,
  update: (g, { state, gradient, gradientScale, scalars, decays }) => {
    const [rows = 0, columns = 0] = needStatic(gradient, 'a gradient of Muon')
    const clipped = gradientScale ? mul(g, gradient, gradientScale) : gradient
    // torch keeps a running mean: m ← μ m + (1 − μ) g, nesterov = (1 − μ) g + μ m.
    const m = add(g, mul(g, state.m, g.scalar(MOMENTUM)), mul(g, clipped, g.scalar(1 - MOMENTUM)))
    const nesterov = add(g, mul(g, clipped, g.scalar(1 - MOMENTUM)), mul(g, m, g.scalar(MOMENTUM)))
    const size = mul(g, scalars.lr, g.scalar(0.2 * Math.sqrt(Math.max(rows, columns))))
    return {
      weights: sub(
        g,
        decays ? mul(g, state.weights, scalars.decayFactor) : state.weights,
        mul(g, orthogonalize(g, nesterov), size),
      ),
      m,
    }
  },
}
