// Knows: the Jensen-Shannon divergence, half of either KL to the mean of both (Lin 1991): bounded by log 2. Not a slider between
// the two: the generalised one with a weight tends to zero at both of its ends.
import { add, div, log, mul } from '../../graph/ops/index.ts'
import type { Divergence } from './divergence.ts'

export const jensenShannon: Divergence = {
  name: 'jensen-shannon',
  terms: (g, teacher, student) => {
    const mean = mul(g, add(g, teacher, student), g.scalar(0.5))
    const toMean = add(
      g,
      mul(g, teacher, log(g, div(g, teacher, mean))),
      mul(g, student, log(g, div(g, student, mean))),
    )
    return mul(g, toMean, g.scalar(0.5))
  },
  slopes: (g, teacher, student) => {
    const mean = mul(g, add(g, teacher, student), g.scalar(0.5))
    return mul(g, log(g, div(g, student, mean)), g.scalar(0.5))
  },
}
