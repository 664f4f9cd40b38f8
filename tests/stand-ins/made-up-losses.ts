// Knows: two losses that exist only in tests: each is its declaration and nothing else.
import { realNumber } from '../../src/domain/settings.ts'
import { commonSettings } from '../../src/pipeline/training/losses/common-settings.ts'
import { defineLoss } from '../../src/pipeline/training/losses/loss.ts'
import { preference, preferenceSettings } from '../../src/pipeline/training/losses/preference.ts'

/** From scratch, on texts. */
export const cautious = defineLoss({
  name: 'cautious',
  title: 'Train a cautious student',
  help: 'A small model learns the texts and is never quite sure.',
  short: 'cautious cross-entropy',
  startsFrom: 'scratch',
  rows: 'texts',
  teacher: 'none',
  points: { name: 'Doubt', unit: 'nats per token, doubtful', isShare: false },
  fixed: { dropout: 0.1 },
  settings: {
    preset: commonSettings.preset,
    caution: realNumber({ label: 'Caution', help: 'How unsure it stays.', from: 0, to: 0.4, default: 0.2 }),
    context: commonSettings.context,
    steps: commonSettings.steps,
    batchSize: commonSettings.batchSize,
    gradientAccumulation: commonSettings.gradientAccumulation,
    packing: commonSettings.packing,
    curriculum: commonSettings.curriculum,
    optimizer: commonSettings.optimizer,
    learningRate: commonSettings.learningRate,
    schedule: commonSettings.schedule,
    warmUp: commonSettings.warmUp,
    weightDecay: commonSettings.weightDecay,
    maxGradientNorm: commonSettings.maxGradientNorm,
    emaDecay: commonSettings.emaDecay,
    patience: commonSettings.patience,
    evaluateEvery: commonSettings.evaluateEvery,
  },
  plan: ({ caution }) => ({ objective: { kind: 'texts', smoothing: caution }, vocabulary: 320 }),
})

/** From a trained student, on pairs. */
export const contrary = defineLoss({
  ...preference,
  name: 'contrary',
  title: 'Prefer the worse completion',
  help: 'A trained student learns to prefer what the judge did not.',
  short: 'pairs, contrary',
  settings: preferenceSettings,
  plan: () => ({ objective: { kind: 'preference', loss: 'dpo', beta: 0.1, margin: 0 } }),
})

/** The losses' list with these two, for `vi.mock` of src/pipeline/training/losses/index.ts. */
export const withMadeUpLosses = async <List extends { readonly LOSSES: readonly unknown[] }>(
  original: () => Promise<List>,
): Promise<{ LOSSES: readonly unknown[] }> => ({ LOSSES: [...(await original()).LOSSES, cautious, contrary] })
