// Knows: the train steps that learn from the teacher's token probabilities instead of its texts alone (Hinton et al. 2015): one for
// each divergence, with the same settings.
// Must not know: graphs, tensors.
import { realNumber, wholeNumber } from '../../domain/settings.ts'
import type { DivergenceTrainSettings } from '../../domain/student.ts'
import { defineStep } from '../define-step.ts'
import { commonSettings } from './common-settings.ts'

const { preset, ...others } = commonSettings

const settings = {
  preset,
  temperature: realNumber({
    label: 'Distillation temperature',
    help: 'Above 1, the teacher’s less likely tokens count more.',
    from: 0.1,
    to: 10,
    default: 1,
    step: 0.1,
  }),
  topK: wholeNumber({
    label: 'Top-k tokens stored',
    help: 'The teacher’s most likely tokens stored at each position; all other tokens are merged into one. 16 tokens take about 100 bytes per position.',
    from: 1,
    to: 64,
    default: 16,
    unit: 'tokens',
  }),
  textShare: realNumber({
    label: 'Cross-entropy share',
    help: 'Share of the loss that is cross-entropy on the text; the rest is the divergence.',
    from: 0,
    to: 1,
    default: 0.1,
    step: 0.05,
  }),
  hiddenShare: realNumber({
    label: 'Hidden state loss weight',
    help: 'Weight of the cosine loss between the last hidden states of student and teacher, which must have the same width; 0 turns it off.',
    from: 0,
    to: 10,
    default: 0,
    step: 0.1,
  }),
  ...others,
} as const

const define = <const Name extends DivergenceTrainSettings['loss']>(
  name: Name,
  title: string,
  help: string,
) => defineStep({ family: 'train', name, title, help, settings })

export const divergenceSteps = [
  define(
    'forward-kl',
    'Distillation (forward KL)',
    'A small model learns the teacher’s probabilities at every token and covers everything that the teacher might write. Needs a loaded teacher.',
  ),
  define(
    'reverse-kl',
    'Distillation (reverse KL)',
    'A small model learns to write only what the teacher finds likely, and skips what it cannot model. Needs a loaded teacher.',
  ),
  define(
    'jensen-shannon',
    'Distillation (Jensen-Shannon)',
    'Between forward and reverse KL: the mean divergence of both models from their average. Needs a loaded teacher.',
  ),
] as const
