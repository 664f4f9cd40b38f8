// Knows: the Jensen-Shannon divergence, the mean of both KL divergences to the mixture (Lin 1991): bounded by log 2. It
// does not interpolate between forward and reverse KL: the generalised one with a weight tends to zero at both of its
// ends.
import { add, div, log, mul } from '../../graph/ops/index.ts'
import type { Divergence } from './divergence.ts'

export const jensenShannon = {
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
} as const satisfies Divergence
