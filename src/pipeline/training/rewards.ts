// Knows: the train step that learns from the student's own answers, rewarded by the verifier of final answers (GRPO, Shao et al. 2024).
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
  batch,
  evaluateEvery,
  ...others
} = commonSettings

/** Defaults of ours, found with the example “Corner shop, sums”; TRL's default of no divergence. */
export const rewardStep = defineStep({
  family: 'train',
  name: 'grpo',
  title: 'Learn from its own right answers (GRPO)',
  help: 'A trained student solves each problem several times; answers whose final answer is right become likelier, and the wrong ones less likely. Needs rows that end with an answer.',
  settings: {
    steps: { ...steps, default: 60 },
    batch: {
      ...batch,
      label: 'Problems of a step',
      help: 'Problems that the student solves before each change of the weights.',
      unit: 'problems',
      default: 8,
    },
    answers: wholeNumber({
      label: 'Answers of a problem',
      help: 'Times that each problem is solved; the answers are compared with one another.',
      from: 2,
      to: 32,
      default: 8,
      unit: 'answers',
    }),
    answerTokens: wholeNumber({
      label: 'Longest answer',
      help: 'Tokens of an answer at most; a longer one counts as wrong.',
      from: 8,
      to: 1024,
      default: 96,
      unit: 'tokens',
    }),
    temperature: realNumber({
      label: 'Temperature',
      help: 'How much its answers differ: if they are all alike, there is nothing to compare.',
      from: 0.1,
      to: 2,
      default: 1,
      step: 0.1,
    }),
    beta: realNumber({
      label: 'Beta',
      help: 'How strongly it is held to the student before; 0 lets it go.',
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
