// Knows: simple preference optimisation (Meng et al. 2024).
// Must not know: graphs, tensors.
import { realNumber } from '../../../domain/settings.ts'
import { defineLoss } from './loss.ts'
import { betaSetting, preference, preferenceSettings } from './preference.ts'

export const simpo = defineLoss({
  ...preference,
  name: 'simpo',
  title: 'Prefer the better completion (SimPO)',
  help: 'Like DPO, with the mean log-probability of a token and no reference model: long completions have no advantage.',
  source: { citation: 'Meng et al. 2024', link: 'https://arxiv.org/abs/2405.14734' },
  short: 'pairs, SimPO',
  settings: {
    beta: betaSetting(2),
    margin: realNumber({
      label: 'Margin',
      help: 'How far ahead the better completion should be, as a multiple of beta.',
      from: 0,
      to: 5,
      default: 0.5,
      step: 0.05,
    }),
    ...preferenceSettings,
  },
  plan: ({ beta, margin }) => ({ objective: { kind: 'preference', loss: 'simpo', beta, margin } }),
})
