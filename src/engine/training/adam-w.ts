// Knows: AdamW as nodes of a graph, and the numbers of a step that are computed outside of it.
// Source: Loshchilov and Hutter 2019 (decoupled decay), in the order of operations of torch.optim.AdamW.
import type { Graph, Value } from '../graph/graph.ts'
import { add, div, mul, sqrt, sub } from '../graph/ops/index.ts'

export interface AdamWOptions {
  /** Default 0.9. */
  readonly beta1: number
  /** Default 0.95: short runs on little data (Llama 2's value), 0.999 forgets too slowly. */
  readonly beta2: number
  /** Default 1e-8. */
  readonly epsilon: number
}
export const ADAM_W: AdamWOptions = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }

/** Scalars that change from step to step, fed at run time. */
export interface StepScalars {
  /** Learning rate with both bias corrections. */
  readonly rate: number
  /** ε with the second moment's bias correction. */
  readonly epsilon: number
  /** What decay leaves of a weight: 1 − learning rate · weight decay. */
  readonly keep: number
}
export const STEP_SCALARS = ['rate', 'epsilon', 'keep'] as const satisfies readonly (keyof StepScalars)[]

/**
 * Scalars of step `step` (from 1). With c1 = 1 − β1ᵗ and c2 = 1 − β2ᵗ, torch's lr / c1 · m / (√v / √c2 + ε) is
 * (lr · √c2 / c1) · m / (√v + ε √c2).
 */
export function scalarsOf(step: number, learningRate: number, weightDecay: number, { beta1, beta2, epsilon }: AdamWOptions): StepScalars {
  const root = Math.sqrt(1 - beta2 ** step)
  return { rate: (learningRate * root) / (1 - beta1 ** step), epsilon: epsilon * root, keep: 1 - learningRate * weightDecay }
}

/** Values of the scalars in a graph. */
export type ScalarValues = Readonly<Record<keyof StepScalars, Value>>

/** One update of a buffer. `gradientScale` (a scalar) clips. Decay only where `decays`. */
export function updateAdamW(g: Graph, state: { weights: Value; first: Value; second: Value }, gradient: Value, gradientScale: Value | null, scalars: ScalarValues, decays: boolean, options: AdamWOptions): { weights: Value; first: Value; second: Value } {
  const { beta1, beta2 } = options
  const scaled = (factor: number, scale: Value | null): Value => (scale ? mul(g, scale, g.scalar(factor)) : g.scalar(factor))
  const first = add(g, mul(g, state.first, g.scalar(beta1)), mul(g, gradient, scaled(1 - beta1, gradientScale)))
  const square = gradientScale && mul(g, gradientScale, gradientScale)
  const second = add(g, mul(g, state.second, g.scalar(beta2)), mul(g, mul(g, gradient, gradient), scaled(1 - beta2, square)))
  const update = mul(g, div(g, first, add(g, sqrt(g, second), scalars.epsilon)), scalars.rate)
  return { weights: sub(g, decays ? mul(g, state.weights, scalars.keep) : state.weights, update), first, second }
}
