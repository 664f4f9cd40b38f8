// Knows: the train step that fits an imported model to the teacher's texts by low-rank adapters (LoRA, Hu et al. 2021).
// Must not know: graphs, tensors, where models are kept.
import { choice, realNumber, wholeNumber } from '../../domain/settings.ts'
import { ADAPTED_PROJECTIONS } from '../../domain/student.ts'
import { defineStep } from '../define-step.ts'
import { commonSettings } from './common-settings.ts'

// Muon evens out the directions of a wide matrix; of matrices that are a few numbers thin there is nothing to even out, so AdamW it is.
const {
  preset: _preset,
  optimizer: _optimizer,
  dropout: _dropout,
  context,
  steps,
  batch,
  learningRate,
  weightDecay,
  evaluateEvery,
  ...others
} = commonSettings

/**
 * Rank 8 and alpha 16, which multiplies what is added by 2, are what peft's users begin with (Hu et al. 2021 find ranks of 1 to 8
 * enough); adapters on all projections, not on attention alone, are what QLoRA found to be needed (Dettmers et al. 2023, section 4).
 * The rate is ours, between QLoRA's 2e-4 for large models and what small students take.
 */
export const loraStep = defineStep({
  family: 'train',
  name: 'lora',
  title: 'Fine-tune a model you have (LoRA)',
  help: 'A model kept in this browser, or the one in the box, stays as it is; small adapters beside its matrices learn to write the kept completions.',
  settings: {
    rank: wholeNumber({
      label: 'Rank',
      help: 'Size of the adapters: higher learns more and takes more memory. 1 to 8 is often enough.',
      from: 1,
      to: 128,
      default: 8,
    }),
    alpha: realNumber({
      label: 'Alpha',
      help: 'What the adapters add is multiplied by alpha ÷ rank.',
      from: 0.5,
      to: 512,
      default: 16,
      step: 1,
    }),
    projections: choice({
      label: 'Adapters on',
      help: 'The four matrices of attention in each layer, or all seven.',
      choices: ADAPTED_PROJECTIONS,
      default: 'all',
    }),
    context: { ...context, default: 128 },
    steps: { ...steps, default: 100 },
    batch: { ...batch, default: 4 },
    learningRate: { ...learningRate, default: 0.0005 },
    weightDecay: { ...weightDecay, default: 0 },
    ...others,
    evaluateEvery: { ...evaluateEvery, default: 20 },
  },
})
