// Knows: the loss that fits an imported model to the teacher's texts by low-rank adapters (LoRA, Hu et al. 2021).
// Must not know: graphs, tensors, where models are stored.
import { choice, realNumber, wholeNumber } from '../../../domain/settings.ts'
import { assistantTurns, commonSettings } from './common-settings.ts'
import { ADAPTED_PROJECTIONS, defineLoss, NATS_PER_TOKEN } from './loss.ts'

// Muon equalises the directions of a wide matrix. Adapters have only a few columns or rows, so there is nothing to equalise: AdamW.
const {
  preset: _preset,
  optimizer: _optimizer,
  dropout: _dropout,
  context,
  steps,
  batchSize,
  learningRate,
  weightDecay,
  evaluateEvery,
  ...others
} = commonSettings

/**
 * Rank 8 and alpha 16 (a scale of 2) are peft's usual start (Hu et al. 2021 find ranks of 1 to 8 enough); adapters on all
 * projections, not on attention alone, are what QLoRA found necessary (Dettmers et al. 2023, section 4). The learning rate is ours,
 * between QLoRA's 2e-4 for large models and that of small students.
 */
export const lora = defineLoss({
  name: 'lora',
  title: 'Fine-tune a model you have (LoRA)',
  help: 'Freezes a model stored in this browser, or the built-in teacher, and trains small adapters on its matrices to write the kept completions.',
  source: { citation: 'Hu et al. 2021', link: 'https://arxiv.org/abs/2106.09685' },
  short: 'cross-entropy, LoRA',
  startsFrom: 'model',
  rows: 'texts',
  teacher: 'none',
  points: NATS_PER_TOKEN,
  // The size is that of the model.
  fixed: { preset: 'micro', optimizer: 'adam-w', dropout: 0 },
  settings: {
    rank: wholeNumber({
      label: 'Rank',
      help: 'Size of the adapters: a higher rank learns more and takes more memory. 1 to 8 is often enough.',
      from: 1,
      to: 128,
      default: 8,
    }),
    alpha: realNumber({
      label: 'Alpha',
      help: 'The adapters’ output is scaled by alpha ÷ rank.',
      from: 0.5,
      to: 512,
      default: 16,
      step: 1,
    }),
    projections: choice({
      label: 'Target modules',
      help: 'The four attention matrices of each layer, or all seven matrices.',
      choices: ADAPTED_PROJECTIONS,
      default: 'all',
    }),
    context: { ...context, default: 128 },
    steps: { ...steps, default: 100 },
    batchSize: { ...batchSize, default: 4 },
    learningRate: { ...learningRate, default: 0.0005 },
    weightDecay: { ...weightDecay, default: 0 },
    ...others,
    assistantTurns,
    evaluateEvery: { ...evaluateEvery, default: 20 },
  },
  plan: ({ rank, alpha, projections, assistantTurns: turns }) => ({
    assistantTurns: turns,
    objective: { kind: 'texts', smoothing: 0 },
    adapters: { rank, alpha, projections },
  }),
})
