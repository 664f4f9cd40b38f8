// Knows: AdamW as nodes of a graph, and the scalars of a step, which are computed outside the graph.
// Source: Loshchilov and Hutter 2019 (decoupled decay), in the order of operations of torch.optim.AdamW.
import type { Value } from '../../graph/graph.ts'
import { add, div, mul, sqrt, sub } from '../../graph/ops/index.ts'
import type { StepScalars, UpdateRule } from './optimizer.ts'

/** Default 0.9. */
const BETA_1 = 0.9
/** Default 0.95: short runs on little data (Llama 2's value), with 0.999 the average adapts too slowly. */
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
    lr: learningRate,
    correctedLr: (learningRate * root) / (1 - BETA_1 ** step),
    epsilon: EPSILON * root,
    decayFactor: 1 - learningRate * weightDecay,
  }
}

/**
 * θ ← decayFactor · θ − correctedLr · m / (√v + ε); weight decay only if it applies; the gradient is clipped by a
 * scalar.
 */
export const adamW: UpdateRule = {
  hasSecondMoment: true,
  update: (g, { state, gradient, gradientScale, scalars, decays }) => {
    if (!state.v) throw new TypeError('AdamW needs a second moment')
    const scaledBy = (factor: number, scale: Value | null): Value =>
      scale ? mul(g, scale, g.scalar(factor)) : g.scalar(factor)
    const m = add(g, mul(g, state.m, g.scalar(BETA_1)), mul(g, gradient, scaledBy(1 - BETA_1, gradientScale)))
    const square = gradientScale && mul(g, gradientScale, gradientScale)
    const v = add(
      g,
      mul(g, state.v, g.scalar(BETA_2)),
      mul(g, mul(g, gradient, gradient), scaledBy(1 - BETA_2, square)),
    )
    const change = mul(g, div(g, m, add(g, sqrt(g, v), scalars.epsilon)), scalars.correctedLr)
    return {
      weights: sub(g, decays ? mul(g, state.weights, scalars.decayFactor) : state.weights, change),
      m,
      v,
    }
  },
}
