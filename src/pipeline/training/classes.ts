// Knows: the train step of a student that answers with one of a few classes: its labels, and the teacher's probabilities of them
// (soft labels, Hinton et al. 2015).
// Must not know: graphs, tensors.
import { realNumber, wholeNumber } from '../../domain/settings.ts'
import { defineStep } from '../define-step.ts'
import { commonSettings } from './common-settings.ts'

const { preset, packing: _packing, batch, ...others } = commonSettings

export const classStep = defineStep({
  family: 'train',
  name: 'classes',
  title: 'Train a classifier',
  help: 'A small model learns to answer with one of a few classes: the different completions of the rows, such as “yes” and “no”. It says how sure it is, and writes nothing.',
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
      label: 'Share of the teacher',
      help: 'Share of the loss that is the divergence from the teacher’s probabilities of the classes, for which the teacher must be loaded; the rest is the rows’ own answers. 0 needs no teacher.',
      from: 0,
      to: 1,
      default: 0,
      step: 0.05,
    }),
    temperature: realNumber({
      label: 'Temperature',
      help: 'Above 1 the classes that the teacher finds less likely count for more. Without a share of the teacher it changes nothing.',
      from: 0.1,
      to: 10,
      default: 1,
      step: 0.1,
    }),
    labelSmoothing: realNumber({
      label: 'Label smoothing',
      help: 'Share of the right class’s probability that is spread over all classes, against too much certainty.',
      from: 0,
      to: 0.5,
      default: 0,
      step: 0.01,
    }),
    batch: { ...batch, default: 16 },
    ...others,
  },
})
