// Knows: DPO, direct preference optimisation (Rafailov et al. 2023, equation 7).
import { mul, sub } from '../../graph/ops/index.ts'
import { softplus, type Preference } from './preference.ts'

export const dpo: Preference = {
  name: 'dpo',
  averages: false,
  needsReference: true,
  needsDrift: false,
  loss: (g, { chosen, rejected, chosenReference, rejectedReference }, { beta }) => {
    const margin = sub(g, sub(g, chosen, chosenReference), sub(g, rejected, rejectedReference))
    return softplus(g, mul(g, margin, g.scalar(-beta)))
  },
}
