// Knows: ORPO: the text's own loss and, beside it, the odds of the chosen answer against those of the rejected one (Hong et al. 2024,
// equations 4 to 7). It needs no reference, and so may begin with a student that was never trained.
import type { Graph, Value } from '../../graph/graph.ts'
import { add, exp, log, maximum, mul, neg, sub } from '../../graph/ops/index.ts'
import { softplus, type Preference } from './preference.ts'

/** An answer that is certain has no odds: 1 − p is taken for no less than this. */
const LEAST_DOUBT = 1e-6

/** log(p / (1 − p)) from log p. */
const logOdds = (g: Graph, logProbability: Value): Value =>
  sub(
    g,
    logProbability,
    log(g, maximum(g, sub(g, g.scalar(1), exp(g, logProbability)), g.scalar(LEAST_DOUBT))),
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
