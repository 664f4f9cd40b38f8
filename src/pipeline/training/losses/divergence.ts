// Knows: what the losses share that learn from the teacher's token probabilities instead of its texts alone (Hinton et al. 2015).
// Must not know: graphs, tensors.
import type { StepSource } from '../../../domain/recipe.ts'
import { realNumber, wholeNumber } from '../../../domain/settings.ts'
import { commonSettings } from './common-settings.ts'
import { defineLoss, NATS_PER_TOKEN } from './loss.ts'

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

/** A loss whose divergence has the same name in the engine. */
export const defineDivergence = <const Name extends string>({
  name,
  ...texts
}: {
  readonly name: Name
  readonly title: string
  readonly help: string
  readonly short: string
  readonly source: StepSource
}) =>
  defineLoss({
    name,
    ...texts,
    startsFrom: 'scratch',
    rows: 'texts',
    teacher: 'before',
    points: NATS_PER_TOKEN,
    fixed: {},
    settings,
    plan: ({ temperature, topK, textShare, hiddenShare }) => ({
      objective: { kind: 'distillation', divergence: name, temperature, textShare, hiddenShare },
      teacher: { kind: 'before', topK, temperature, hidden: hiddenShare > 0 },
    }),
  })
