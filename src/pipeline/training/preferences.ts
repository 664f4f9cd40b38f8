// Knows: the train steps that learn from pairs of answers, the better against the worse: one for each loss. They go on from a student
// that was trained before, and have its size.
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

/** Defaults of ours: a student of some hundred thousand parameters moves at rates at which a large model would break. */
const shared = {
  steps: { ...steps, default: 100 },
  learningRate: { ...learningRate, default: 0.0003 },
  ...others,
} as const

const beta = (value: number) =>
  realNumber({
    label: 'Beta',
    help: 'How strongly a difference between the two answers counts. Higher stays nearer to the student before.',
    from: 0.01,
    to: 10,
    default: value,
    step: 0.05,
  })

export const preferenceSteps = [
  defineStep({
    family: 'train',
    name: 'dpo',
    title: 'Prefer the better answer (DPO)',
    help: 'A trained student learns to find the better answer of each pair likelier than the worse one, compared with what it was before.',
    settings: { beta: beta(0.1), ...shared },
  }),
  defineStep({
    family: 'train',
    name: 'simpo',
    title: 'Prefer the better answer (SimPO)',
    help: 'As DPO, by the likelihood of a token and without looking back: long answers have no advantage.',
    settings: {
      beta: beta(2),
      margin: realNumber({
        label: 'Margin',
        help: 'How far the better answer should be ahead, as a share of beta.',
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
    title: 'Prefer the better answer (ORPO)',
    help: 'Learns the text of the better answer and, beside it, better odds for it than for the worse one.',
    settings: {
      beta: realNumber({
        label: 'Weight of the odds',
        help: 'How much the odds count beside the text.',
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
    title: 'Tell good answers from bad (KTO)',
    help: 'Each answer counts alone as good or bad, measured against how far the student has moved on answers that belong to other prompts.',
    settings: { beta: beta(0.1), ...shared },
  }),
] as const
