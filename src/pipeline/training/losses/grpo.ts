// Knows: the loss that learns from the student's own completions, rewarded by the final-answer verifier (GRPO, Shao et al. 2024).
// Must not know: graphs, tensors.
import { realNumber, wholeNumber } from '../../../domain/settings.ts'
import { commonSettings, FROM_STUDENT } from './common-settings.ts'
import { defineLoss } from './loss.ts'

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

/** TRL's ε. Each completion is trained on once, so it has no effect: the ratio is still 1. */
const RATIO_CLIP = 0.2

/** Our defaults, found with the example “Corner shop sums”; no KL penalty, as in TRL. */
export const grpo = defineLoss({
  name: 'grpo',
  title: 'Learn from its own correct answers (GRPO)',
  help: 'A trained student solves each problem several times; completions with the correct final answer become more likely, wrong ones less likely. Needs rows that end with an answer.',
  source: { citation: 'Shao et al. 2024', link: 'https://arxiv.org/abs/2402.03300' },
  short: 'own correct completions, GRPO',
  startsFrom: 'student',
  rows: 'problems',
  teacher: 'none',
  points: { name: 'Wrong answers', unit: '% of completions', isShare: true },
  fixed: FROM_STUDENT,
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
  plan: ({ completionsPerPrompt, maxTokens, temperature, beta }) => ({
    objective: { kind: 'policy', clip: RATIO_CLIP, beta },
    completions: { perPrompt: completionsPerPrompt, maxTokens, temperature, share: 1, textWarmUp: 0 },
    comparesWithStart: beta > 0,
  }),
})
