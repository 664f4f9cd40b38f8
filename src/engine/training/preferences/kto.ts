// Knows: KTO: each answer is good or bad by itself and is compared with the student's drift from the reference
// (Ethayarajh et al. 2024, equation 8); good and bad ones have the same weight.
import { mul, sigmoid, sub, add } from '../../graph/ops/index.ts'
import type { Preference } from './preference.ts'

export const kto: Preference = {
  name: 'kto',
  averages: false,
  needsReference: true,
  needsDrift: true,
  loss: (g, { chosen, rejected, chosenReference, rejectedReference, drift }, { beta }) => {
    const good = sigmoid(g, mul(g, sub(g, drift, sub(g, chosen, chosenReference)), g.scalar(beta)))
    const bad = sigmoid(g, mul(g, sub(g, sub(g, rejected, rejectedReference), drift), g.scalar(beta)))
    return mul(g, add(g, good, bad), g.scalar(0.5))
  },
}
