// Knows: the loss that learns from the teacher's texts: cross-entropy on completions (sequence-level distillation, Kim and Rush 2016).
// Must not know: graphs, tensors.
import { realNumber, wholeNumber } from '../../../domain/settings.ts'
import { assistantTurns, commonSettings } from './common-settings.ts'
import { defineLoss, NATS_PER_TOKEN } from './loss.ts'

const { preset, ...others } = commonSettings

export const teacherText = defineLoss({
  name: 'teacher-text',
  title: 'Train a student on the texts',
  help: 'A small model learns the kept completions by cross-entropy; prompt tokens have no loss. This is sequence-level distillation (Kim and Rush 2016).',
  source: { citation: 'Kim and Rush 2016', link: 'https://arxiv.org/abs/1606.07947' },
  short: 'cross-entropy',
  startsFrom: 'scratch',
  rows: 'texts',
  teacher: 'none',
  points: NATS_PER_TOKEN,
  fixed: {},
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
    ...others,
    assistantTurns,
    labelSmoothing: realNumber({
      label: 'Label smoothing',
      help: 'Share of the right token’s probability that is spread over all tokens; reduces overconfidence.',
      from: 0,
      to: 0.5,
      default: 0,
      step: 0.01,
    }),
  },
  plan: ({ labelSmoothing, vocabulary, assistantTurns: turns }) => ({
    assistantTurns: turns,
    objective: { kind: 'texts', smoothing: labelSmoothing },
    vocabulary,
  }),
})
