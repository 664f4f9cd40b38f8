// Knows: the names that a student's training settings had in version 1.
import { isRecord, renameFields, type Change } from './changes.ts'

const COMMON = {
  batch: 'batchSize',
  accumulate: 'gradientAccumulation',
  clip: 'maxGradientNorm',
  averaging: 'emaDecay',
} as const

const OF_DIVERGENCES = { ...COMMON, choices: 'topK' } as const

/** Old names with their new ones, by loss; a loss that is not here has the common ones. */
const BY_LOSS: ReadonlyMap<unknown, Readonly<Record<string, string>>> = new Map<
  unknown,
  Readonly<Record<string, string>>
>([
  ['forward-kl', OF_DIVERGENCES],
  ['reverse-kl', OF_DIVERGENCES],
  ['jensen-shannon', OF_DIVERGENCES],
  [
    'on-policy',
    {
      ...OF_DIVERGENCES,
      ownFrom: 'textWarmUp',
      answerTokens: 'maxTokens',
      answerTemperature: 'samplingTemperature',
    },
  ],
  ['grpo', { ...COMMON, answers: 'completionsPerPrompt', answerTokens: 'maxTokens' }],
])

const namesFor = (loss: unknown): Readonly<Record<string, string>> => BY_LOSS.get(loss) ?? COMMON

/** Settings of version 1 under today's names. */
export const upgradeSettings: Change = (settings) =>
  isRecord(settings) ? renameFields(settings, namesFor(settings['loss'])) : settings
