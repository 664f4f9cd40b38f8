// Knows: distillation by the Jensen-Shannon divergence.
// Must not know: graphs, tensors.
import { defineDivergence } from './divergence.ts'

export const jensenShannon = defineDivergence({
  name: 'jensen-shannon',
  title: 'Distillation (Jensen-Shannon)',
  help: 'Between forward and reverse KL: the mean divergence of both models from their average. Needs a loaded teacher.',
  source: { citation: 'Agarwal et al. 2023', link: 'https://arxiv.org/abs/2306.13649' },
  short: 'Jensen-Shannon',
})
