// Knows: Kahneman-Tversky optimisation (Ethayarajh et al. 2024).
// Must not know: graphs, tensors.
import { defineLoss } from './loss.ts'
import { betaSetting, preference, preferenceSettings } from './preference.ts'

export const kto = defineLoss({
  ...preference,
  name: 'kto',
  title: 'Prefer good completions to bad ones (KTO)',
  help: 'Each completion counts as good or bad on its own, relative to how far the student has moved on completions of other prompts.',
  source: { citation: 'Ethayarajh et al. 2024', link: 'https://arxiv.org/abs/2402.01306' },
  short: 'pairs, KTO',
  rows: 'sides',
  settings: { beta: betaSetting(0.1), ...preferenceSettings },
  plan: ({ beta }) => ({ objective: { kind: 'preference', loss: 'kto', beta, margin: 0 } }),
})
