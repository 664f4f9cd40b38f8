// Knows: distillation by the reverse KL divergence.
// Must not know: graphs, tensors.
import { defineDivergence } from './divergence.ts'

export const reverseKl = defineDivergence({
  name: 'reverse-kl',
  title: 'Distillation (reverse KL)',
  help: 'A small model learns to write only what the teacher finds likely, and skips what it cannot model. Needs a loaded teacher.',
  source: { citation: 'Gu et al. 2023 (MiniLLM)', link: 'https://arxiv.org/abs/2306.08543' },
  short: 'reverse KL',
})
