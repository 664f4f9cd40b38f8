// Knows: splitting rows into training and held-out ones so that siblings never straddle the line.
import { defineStep } from '../define-step.ts'
import { realNumber } from '../../domain/settings.ts'

export const split = defineStep({
  family: 'freeze',
  name: 'split',
  title: 'Freeze and split by seed',
  help: 'Freezes the kept rows and holds some seeds back, with everything grown from them, to measure the student on.',
  settings: {
    heldOut: realNumber({ label: 'Share held out', help: 'Share of the rows that the student never sees; always at least one seed.', from: 0.01, to: 0.5, default: 0.1, step: 0.01 }),
  },
})
