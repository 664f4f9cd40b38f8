// Knows: a running average of the weights, which writes and is measured in their place (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).
import type { Graph, Value } from '../graph/graph.ts'
import { add, mul, sub } from '../graph/ops/index.ts'

/** Share of the new weights in the average of step `step` (from 1): large at first, so that the beginning is forgotten; later 1 − decay. */
export const freshShare = (step: number, decay: number): number =>
  1 - Math.min(decay, (1 + step) / (10 + step))

/** The average moved towards the weights by `share`, a scalar. */
export const moveAverage = (g: Graph, average: Value, weights: Value, share: Value): Value =>
  add(g, average, mul(g, sub(g, weights, average), share))
