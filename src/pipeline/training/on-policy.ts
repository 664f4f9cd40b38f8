// Knows: the train step in which the student writes and the teacher says token by token what it would have written instead
// (generalised knowledge distillation, GKD: Agarwal et al. 2023).
// Must not know: graphs, tensors.
import { choice, realNumber, wholeNumber } from '../../domain/settings.ts'
import { DIVERGENCE_NAMES } from '../../domain/student.ts'
import { defineStep } from '../define-step.ts'
import { commonSettings } from './common-settings.ts'

const { preset, ...others } = commonSettings

/** TRL's default of λ. The paper's students were trained before; ours begin from nothing, hence the steps on texts alone,
 * and forward KL: from nothing, reverse KL learned hardly anything in some hundred steps. */
export const onPolicyStep = defineStep({
  family: 'train',
  name: 'on-policy',
  title: 'Train on its own answers, told by the teacher (GKD)',
  help: 'A small model writes answers itself and learns at each of their tokens what the teacher would have written there; it begins on the texts. Needs the teacher loaded all the while.',
  settings: {
    preset,
    divergence: choice({
      label: 'Divergence',
      help: 'Forward KL covers all that the teacher might write; reverse KL keeps to what it finds likely; Jensen-Shannon lies between.',
      choices: DIVERGENCE_NAMES,
      default: 'forward-kl',
    }),
    lambda: realNumber({
      label: 'Own answers (λ)',
      help: 'Share of the steps in which it learns from answers of its own; the others are on the texts, with the teacher’s stored probabilities.',
      from: 0,
      to: 1,
      default: 0.5,
      step: 0.05,
    }),
    ownFrom: realNumber({
      label: 'Texts first',
      help: 'Share of all steps before the first on its own answers: a model that knows nothing yet writes noise.',
      from: 0,
      to: 0.9,
      default: 0.3,
      step: 0.05,
    }),
    temperature: realNumber({
      label: 'Temperature',
      help: 'Of the divergence: above 1 the teacher’s less likely tokens count for more.',
      from: 0.1,
      to: 10,
      default: 1,
      step: 0.1,
    }),
    choices: wholeNumber({
      label: 'Tokens kept',
      help: 'The teacher’s likeliest tokens that count by themselves for each token of a text or an answer; all others are one.',
      from: 1,
      to: 64,
      default: 16,
      unit: 'tokens',
    }),
    answerTokens: wholeNumber({
      label: 'Longest answer',
      help: 'Tokens of an own answer at most; a longer one is cut there and learned from all the same.',
      from: 8,
      to: 1024,
      default: 96,
      unit: 'tokens',
    }),
    answerTemperature: realNumber({
      label: 'Temperature of its answers',
      help: 'How much its own answers differ from the likeliest ones.',
      from: 0.1,
      to: 2,
      default: 1,
      step: 0.1,
    }),
    ...others,
  },
})
