// Knows: direct preference optimisation (Rafailov et al. 2023).
// Must not know: graphs, tensors.
import { defineLoss } from './loss.ts'
import { betaSetting, preference, preferenceSettings } from './preference.ts'

export const dpo = defineLoss({
  ...preference,
  name: 'dpo',
  title: 'Prefer the better completion (DPO)',
  help: 'A trained student learns to make the better completion of each pair more likely than the worse one, relative to itself before training.',
  source: { citation: 'Rafailov et al. 2023', link: 'https://arxiv.org/abs/2305.18290' },
  short: 'pairs, DPO',
  settings: { beta: betaSetting(0.1), ...preferenceSettings },
  plan: ({ beta }) => ({ objective: { kind: 'preference', loss: 'dpo', beta, margin: 0 } }),
})
