// Knows: AdamW as nodes of a graph, and the numbers of a step that are computed outside of it.
// Source: Loshchilov and Hutter 2019 (decoupled decay), in the order of operations of torch.optim.AdamW.
import type { Value } from '../../graph/graph.ts'
import { add, div, mul, sqrt, sub } from '../../graph/ops/index.ts'
import type { StepScalars, UpdateRule } from './optimizer.ts'

/** Default 0.9. */
const BETA_1 = 0.9
/** Default 0.95: short runs on little data (Llama 2's value), 0.999 forgets too slowly. */
const BETA_2 = 0.95
/** Default 1e-8. */
const EPSILON = 1e-8

/**
 * Scalars of step `step` (from 1). With c1 = 1 − β1ᵗ and c2 = 1 − β2ᵗ, torch's lr / c1 · m / (√v / √c2 + ε) is
 * (lr · √c2 / c1) · m / (√v + ε √c2).
 */
export function scalarsOf(step: number, learningRate: number, weightDecay: number): StepScalars {
  const root = Math.sqrt(1 - BETA_2 ** step)
  return {
    plain: learningRate,
    rate: (learningRate * root) / (1 - BETA_1 ** step),
    epsilon: EPSILON * root,
    keep: 1 - learningRate * weightDecay,
  }
}

/** Decay only where it applies; the gradient is clipped by a scalar. */
export const adamW: UpdateRule = {
  hasSecond: true,
  update: (g, { state, gradient, gradientScale, scalars, decays }) => {
    if (!state.second) throw new TypeError('AdamW keeps a second moment')
    const scaled = (factor: number, scale: Value | null): Value =>
      scale ? mul(g, scale, g.scalar(factor)) : g.scalar(factor)
    const first = add(
      g,
      mul(g, state.first, g.scalar(BETA_1)),
      mul(g, gradient, scaled(1 - BETA_1, gradientScale)),
    )
    const square = gradientScale && mul(g, gradientScale, gradientScale)
    const second = add(
      g,
      mul(g, state.second, g.scalar(BETA_2)),
      mul(g, mul(g, gradient, gradient), scaled(1 - BETA_2, square)),
    )
    const change = mul(g, div(g, first, add(g, sqrt(g, second), scalars.epsilon)), scalars.rate)
    return {
      weights: sub(g, decays ? mul(g, state.weights, scalars.keep) : state.weights, change),
      first,
      second,
    }
  },
}
