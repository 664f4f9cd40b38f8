// Knows: weight averaging (EMA): a running average of the weights that is used in their place to generate and to
// evaluate (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).
import type { Graph, Value } from '../graph/graph.ts'
import { add, mul, sub } from '../graph/ops/index.ts'

/**
 * Share of the new weights in the average at step `step` (from 1): large at first, so that the initial weights are
 * forgotten; later 1 − decay.
 */
export const averagingRate = (step: number, decay: number): number =>
  1 - Math.min(decay, (1 + step) / (10 + step))

/** average + rate · (weights − average); `rate` is a scalar. */
export const updateAverage = (g: Graph, average: Value, weights: Value, rate: Value): Value =>
  add(g, average, mul(g, sub(g, weights, average), rate))
