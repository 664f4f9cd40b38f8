// Knows: the train step that learns from the student's own completions, rewarded by the final-answer verifier (GRPO, Shao et al. 2024).
// Must not know: graphs, tensors.
import { realNumber, wholeNumber } from '../../domain/settings.ts'
import { defineStep } from '../define-step.ts'
import { commonSettings } from './common-settings.ts'

const {
  preset: _preset,
  context: _context,
  packing: _packing,
  learningRate,
  steps,
  batchSize,
  evaluateEvery,
  ...others
} = commonSettings

/** Our defaults, found with the example “Corner shop sums”; no KL penalty, as in TRL. */
export const rewardStep = defineStep({
  family: 'train',
  name: 'grpo',
  title: 'Learn from its own correct answers (GRPO)',
  help: 'A trained student solves each problem several times; completions with the correct final answer become more likely, wrong ones less likely. Needs rows that end with an answer.',
  settings: {
    steps: { ...steps, default: 60 },
    batchSize: {
      ...batchSize,
      help: 'Problems that the student solves per step.',
      unit: 'problems',
      default: 8,
    },
    completionsPerPrompt: wholeNumber({
      label: 'Completions per problem',
      help: 'Attempts at each problem; their completions are compared with one another.',
      from: 2,
      to: 32,
      default: 8,
      unit: 'completions',
    }),
    maxTokens: wholeNumber({
      label: 'Max tokens',
      help: 'Max tokens of a completion; a longer one counts as wrong.',
      from: 8,
      to: 1024,
      default: 96,
      unit: 'tokens',
    }),
    temperature: realNumber({
      label: 'Sampling temperature',
      help: 'Higher values make completions more varied; if they are all alike, there is nothing to compare.',
      from: 0.1,
      to: 2,
      default: 1,
      step: 0.1,
    }),
    beta: realNumber({
      label: 'Beta',
      help: 'Weight of the divergence from the student before training; 0 turns it off.',
      from: 0,
      to: 1,
      default: 0,
      step: 0.01,
    }),
    learningRate: { ...learningRate, default: 0.0003 },
    ...others,
    evaluateEvery: { ...evaluateEvery, default: 10 },
  },
})
