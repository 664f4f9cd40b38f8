// Knows: the train steps that learn from the teacher's probabilities instead of its texts alone (Hinton et al. 2015): one for each
// divergence, with the same settings.
// Must not know: graphs, tensors.
import { realNumber, wholeNumber } from '../../domain/settings.ts'
import type { DivergenceTrainSettings } from '../../domain/student.ts'
import { defineStep } from '../define-step.ts'
import { commonSettings } from './common-settings.ts'

const { preset, ...others } = commonSettings

const settings = {
  preset,
  temperature: realNumber({
    label: 'Temperature',
    help: 'Above 1 the teacher’s less likely tokens count for more.',
    from: 0.1,
    to: 10,
    default: 1,
    step: 0.1,
  }),
  choices: wholeNumber({
    label: 'Tokens kept',
    help: 'The teacher’s likeliest tokens that are stored for each token of a text; all others are one. 16 take about 100 bytes.',
    from: 1,
    to: 64,
    default: 16,
    unit: 'tokens',
  }),
  textShare: realNumber({
    label: 'Share of the text',
    help: 'Share of the loss that is plain cross-entropy on the text; the rest is the divergence.',
    from: 0,
    to: 1,
    default: 0.1,
    step: 0.05,
  }),
  hiddenShare: realNumber({
    label: 'Weight of the hidden states',
    help: 'Above 0 the student’s last hidden states are pulled towards the teacher’s too, by their cosine times this; both must be equally wide. 0 leaves them out.',
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
    'Train on the probabilities (forward KL)',
    'A small model learns at every token what else the teacher might have written, and covers all of it. Needs the teacher loaded.',
  ),
  define(
    'reverse-kl',
    'Train on the probabilities (reverse KL)',
    'A small model learns to write only what the teacher finds likely, and leaves out what it cannot do. Needs the teacher loaded.',
  ),
  define(
    'jensen-shannon',
    'Train on the probabilities (Jensen-Shannon)',
    'Between forward and reverse KL: half of either, to the mean of both. Needs the teacher loaded.',
  ),
] as const
