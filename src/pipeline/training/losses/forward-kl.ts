// Knows: distillation by the forward KL divergence.
// Must not know: graphs, tensors.
import { defineDivergence } from './divergence.ts'

export const forwardKl = defineDivergence({
  name: 'forward-kl',
  title: 'Distillation (forward KL)',
  help: 'A small model learns the teacher’s probabilities at every token and covers everything that the teacher might write. Needs a loaded teacher.',
  source: { citation: 'Hinton et al. 2015', link: 'https://arxiv.org/abs/1503.02531' },
  short: 'forward KL',
})
