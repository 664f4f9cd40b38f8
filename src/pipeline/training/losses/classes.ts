// Knows: the loss of a classifier: its labels, and the teacher's probabilities of them (soft labels, Hinton et al. 2015).
// Must not know: graphs, tensors.
import { realNumber, wholeNumber } from '../../../domain/settings.ts'
import { commonSettings } from './common-settings.ts'
import { forwardKl } from './forward-kl.ts'
import { defineLoss } from './loss.ts'

const { preset, packing: _packing, batchSize, ...others } = commonSettings

export const classes = defineLoss({
  name: 'classes',
  title: 'Train a classifier',
  help: 'A small model learns to choose one of a few classes: the distinct completions of the rows, such as “yes” and “no”. It returns probabilities and generates no text.',
  source: { citation: 'Hinton et al. 2015', link: 'https://arxiv.org/abs/1503.02531' },
  short: 'classes',
  startsFrom: 'scratch',
  rows: 'labels',
  teacher: 'labels',
  points: { name: 'Loss', unit: 'nats per row', isShare: false },
  fixed: { packing: false },
  settings: {
    preset,
    vocabulary: wholeNumber({
      label: 'Vocabulary',
      help: 'Entries of the tokenizer that is trained on the dataset.',
      from: 300,
      to: 32_000,
      default: 1024,
      unit: 'tokens',
    }),
    softShare: realNumber({
      label: 'Soft label share',
      help: 'Share of the loss that is the divergence from the teacher’s class probabilities, which needs a loaded teacher; the rest is cross-entropy on the labels. 0 needs no teacher.',
      from: 0,
      to: 1,
      default: 0,
      step: 0.05,
    }),
    temperature: realNumber({
      label: 'Distillation temperature',
      help: 'Above 1, the classes that the teacher finds less likely count more. No effect if the soft label share is 0.',
      from: 0.1,
      to: 10,
      default: 1,
      step: 0.1,
    }),
    labelSmoothing: realNumber({
      label: 'Label smoothing',
      help: 'Share of the right class’s probability that is spread over all classes; reduces overconfidence.',
      from: 0,
      to: 0.5,
      default: 0,
      step: 0.01,
    }),
    batchSize: { ...batchSize, default: 16 },
    ...others,
  },
  plan: ({ softShare, temperature, labelSmoothing, vocabulary }) => ({
    objective:
      softShare > 0
        ? ({
            kind: 'distillation',
            divergence: forwardKl.name,
            temperature,
            textShare: 1 - softShare,
            hiddenShare: 0,
            smoothing: labelSmoothing,
          } as const)
        : ({ kind: 'texts', smoothing: labelSmoothing } as const),
    ...(softShare > 0 ? { teacher: { kind: 'labels', temperature } } : {}),
    vocabulary,
  }),
})
