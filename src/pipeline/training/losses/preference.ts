// Knows: what the losses share that learn from preference pairs: they start from a trained student and have its size.
// Must not know: graphs, tensors.
import { realNumber, type NumberSetting } from '../../../domain/settings.ts'
import { commonSettings, FROM_STUDENT } from './common-settings.ts'

const {
  preset: _preset,
  context: _context,
  packing: _packing,
  learningRate,
  steps,
  ...others
} = commonSettings

/** Our defaults: a student of some hundred thousand parameters needs learning rates at which a large model diverges. */
export const preferenceSettings = {
  steps: { ...steps, default: 100 },
  learningRate: { ...learningRate, default: 0.0003 },
  ...others,
} as const

/** All but the texts, the settings and the plan. */
export const preference = {
  startsFrom: 'student',
  rows: 'pairs',
  teacher: 'none',
  points: { name: 'Loss', unit: 'per pair', isShare: false },
  fixed: FROM_STUDENT,
} as const

export const betaSetting = (value: number): NumberSetting =>
  realNumber({
    label: 'Beta',
    help: 'Scale of the log-probability difference. Higher values stay closer to the student before training.',
    from: 0.01,
    to: 10,
    default: value,
    step: 0.05,
  })
