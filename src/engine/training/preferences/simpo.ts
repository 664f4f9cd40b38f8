// Knows: SimPO: mean log-probabilities per token, no reference, a target margin (Meng et al. 2024, equation 6).
import { mul, sub } from '../../graph/ops/index.ts'
import { softplus, type Preference } from './preference.ts'

export const simpo: Preference = {
  name: 'simpo',
  averages: true,
  needsReference: false,
  needsDrift: false,
  loss: (g, { chosen, rejected }, { beta, margin }) =>
    softplus(g, mul(g, sub(g, sub(g, chosen, rejected), g.scalar(margin)), g.scalar(-beta))),
}
