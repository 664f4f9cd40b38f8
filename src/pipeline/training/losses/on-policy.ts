// Knows: the loss for which the student generates and the teacher returns its own probabilities of each token (generalised knowledge distillation, GKD: Agarwal et al. 2023).
// Must not know: graphs, tensors.
import { choice, realNumber, wholeNumber } from '../../../domain/settings.ts'
import { commonSettings } from './common-settings.ts'
import { DIVERGENCES } from './divergences.ts'
import { forwardKl } from './forward-kl.ts'
import { defineLoss, NATS_PER_TOKEN } from './loss.ts'

const { preset, ...others } = commonSettings

/** λ is TRL's default. The paper's students were pretrained; ours start from scratch, hence the warm-up on texts and forward KL:
 * from scratch, reverse KL learned hardly anything in some hundred steps. */
export const onPolicy = defineLoss({
  name: 'on-policy',
  title: 'On-policy distillation (GKD)',
  help: 'A small model generates completions and learns the teacher’s probabilities at each of their tokens, after a warm-up on the texts. The teacher must stay loaded.',
  source: { citation: 'Agarwal et al. 2023', link: 'https://arxiv.org/abs/2306.13649' },
  short: 'own completions, GKD',
  startsFrom: 'scratch',
  rows: 'prompts',
  teacher: 'during',
  points: NATS_PER_TOKEN,
  fixed: {},
  settings: {
    preset,
    divergence: choice({
      label: 'Divergence',
      help: 'Forward KL covers everything that the teacher might write, reverse KL only what it finds likely; Jensen-Shannon is in between.',
      choices: DIVERGENCES.map(({ name }) => name),
      default: forwardKl.name,
    }),
    lambda: realNumber({
      label: 'On-policy share (λ)',
      help: 'Share of the steps on the student’s own completions; the others use the texts with the teacher’s stored probabilities.',
      from: 0,
      to: 1,
      default: 0.5,
      step: 0.05,
    }),
    textWarmUp: realNumber({
      label: 'Warm-up on texts',
      help: 'Share of all steps before the first on-policy step: an untrained model generates noise.',
      from: 0,
      to: 0.9,
      default: 0.3,
      step: 0.05,
    }),
    temperature: realNumber({
      label: 'Distillation temperature',
      help: 'Above 1, the teacher’s less likely tokens count more.',
      from: 0.1,
      to: 10,
      default: 1,
      step: 0.1,
    }),
    topK: wholeNumber({
      label: 'Top-k tokens',
      help: 'The teacher’s most likely tokens used at each position; all other tokens are merged into one.',
      from: 1,
      to: 64,
      default: 16,
      unit: 'tokens',
    }),
    maxTokens: wholeNumber({
      label: 'Max tokens',
      help: 'Max tokens of a generated completion; a longer one is truncated and still used.',
      from: 8,
      to: 1024,
      default: 96,
      unit: 'tokens',
    }),
    samplingTemperature: realNumber({
      label: 'Sampling temperature',
      help: 'Higher values make the student’s completions more random.',
      from: 0.1,
      to: 2,
      default: 1,
      step: 0.1,
    }),
    ...others,
  },
  plan: ({ divergence, temperature, topK, lambda, textWarmUp, maxTokens, samplingTemperature }) => ({
    objective: { kind: 'distillation', divergence, temperature, textShare: 0, hiddenShare: 0 },
    teacher: { kind: 'during', topK, temperature, lent: lambda > 0 },
    completions: { perPrompt: 1, maxTokens, temperature: samplingTemperature, share: lambda, textWarmUp },
  }),
})
