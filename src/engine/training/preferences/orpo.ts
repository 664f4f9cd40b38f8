// Knows: ORPO: the loss of the text plus the odds ratio of the chosen and the rejected answer (Hong et al. 2024,
// equations 4 to 7). It needs no reference, so it can start from an untrained student.
import type { Graph, Value } from '../../graph/graph.ts'
import { add, exp, log, maximum, mul, neg, sub } from '../../graph/ops/index.ts'
import { softplus, type Preference } from './preference.ts'

/** A certain answer has infinite odds: 1 − p is raised to this. */
const MIN_COMPLEMENT = 1e-6

/** log(p / (1 − p)) from log p. */
const logOdds = (g: Graph, logProbability: Value): Value =>
  sub(
    g,
    logProbability,
    log(g, maximum(g, sub(g, g.scalar(1), exp(g, logProbability)), g.scalar(MIN_COMPLEMENT))),
  )

export const orpo: Preference = {
  name: 'orpo',
  averages: true,
  needsReference: false,
  needsDrift: false,
  loss: (g, { chosen, rejected }, { beta }) => {
    const ratio = sub(g, logOdds(g, chosen), logOdds(g, rejected))
    return add(g, neg(g, chosen), mul(g, softplus(g, neg(g, ratio)), g.scalar(beta)))
  },
}
