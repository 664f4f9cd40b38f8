// Knows: odds ratio preference optimisation (Hong et al. 2024).
// Must not know: graphs, tensors.
import { realNumber } from '../../../domain/settings.ts'
import { defineLoss } from './loss.ts'
import { preference, preferenceSettings } from './preference.ts'

export const orpo = defineLoss({
  ...preference,
  name: 'orpo',
  title: 'Prefer the better completion (ORPO)',
  help: 'Cross-entropy on the better completion, plus a loss on its odds against the worse one.',
  source: { citation: 'Hong et al. 2024', link: 'https://arxiv.org/abs/2403.07691' },
  short: 'pairs, ORPO',
  settings: {
    beta: realNumber({
      label: 'Odds ratio weight',
      help: 'Weight of the odds ratio loss, added to the cross-entropy.',
      from: 0.01,
      to: 10,
      default: 0.1,
      step: 0.05,
    }),
    ...preferenceSettings,
  },
  plan: ({ beta }) => ({ objective: { kind: 'preference', loss: 'orpo', beta, margin: 0 } }),
})
