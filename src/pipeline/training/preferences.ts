// Knows: the train steps that learn from preference pairs: one for each loss. They start from a trained student and have its size.
// Must not know: graphs, tensors.
import { realNumber } from '../../domain/settings.ts'
import { defineStep } from '../define-step.ts'
import { commonSettings } from './common-settings.ts'

const {
  preset: _preset,
  context: _context,
  packing: _packing,
  learningRate,
  steps,
  ...others
} = commonSettings

/** Our defaults: a student of some hundred thousand parameters needs learning rates at which a large model diverges. */
const shared = {
  steps: { ...steps, default: 100 },
  learningRate: { ...learningRate, default: 0.0003 },
  ...others,
} as const

const beta = (value: number) =>
  realNumber({
    label: 'Beta',
    help: 'Scale of the log-probability difference. Higher values stay closer to the student before training.',
    from: 0.01,
    to: 10,
    default: value,
    step: 0.05,
  })

export const preferenceSteps = [
  defineStep({
    family: 'train',
    name: 'dpo',
    title: 'Prefer the better completion (DPO)',
    help: 'A trained student learns to make the better completion of each pair more likely than the worse one, relative to itself before training.',
    settings: { beta: beta(0.1), ...shared },
  }),
  defineStep({
    family: 'train',
    name: 'simpo',
    title: 'Prefer the better completion (SimPO)',
    help: 'Like DPO, with the mean log-probability of a token and no reference model: long completions have no advantage.',
    settings: {
      beta: beta(2),
      margin: realNumber({
        label: 'Margin',
        help: 'How far ahead the better completion should be, as a multiple of beta.',
        from: 0,
        to: 5,
        default: 0.5,
        step: 0.05,
      }),
      ...shared,
    },
  }),
  defineStep({
    family: 'train',
    name: 'orpo',
    title: 'Prefer the better completion (ORPO)',
    help: 'Cross-entropy on the better completion, plus a loss on its odds against the worse one.',
    settings: {
      beta: realNumber({
        label: 'Odds ratio weight',
        help: 'Weight of the odds ratio loss, added to the cross-entropy.',
        from: 0.01,
        to: 10,
        default: 0.1,
        step: 0.05,
      }),
      ...shared,
    },
  }),
  defineStep({
    family: 'train',
    name: 'kto',
    title: 'Prefer good completions to bad ones (KTO)',
    help: 'Each completion counts as good or bad on its own, relative to how far the student has moved on completions of other prompts.',
    settings: { beta: beta(0.1), ...shared },
  }),
] as const
