// Knows: the judge step that scores one completion by a rubric. The rubrics' texts are in templates/rubrics.ts.
import { defineStep } from '../define-step.ts'
import { choice, realNumber, text, toggle, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { RUBRIC_NAMES } from '../templates/rubrics.ts'

/** Scores 1 to 5, read as the expected score from the probabilities of the five digits; prose is never parsed. */
export const rubric = defineStep({
  family: 'judge',
  name: 'rubric',
  title: 'Judge by a rubric',
  help: 'The judge scores every completion from 1 to 5, read from its token probabilities.',
  settings: {
    rubric: choice({
      label: 'Rubric',
      help: 'What the score measures.',
      choices: [...RUBRIC_NAMES, 'own'],
      default: 'helpfulness@1',
    }),
    own: text({
      label: 'Own rubric',
      help: 'What a score of 5 requires and a score of 1 lacks; used if the rubric is “own”.',
      default: '',
      lines: 6,
    }),
    minMass: realNumber({
      label: 'Minimum probability mass',
      help: 'A verdict is unreadable if the five scores together have less probability than this.',
      from: 0,
      to: 1,
      default: 0.01,
      step: 0.01,
    }),
    thinking: toggle({
      label: 'Reasoning',
      help: 'Lets a judge that can reason do so before each score, which takes far longer. The score is read after its reasoning, never inside it. Off: it is switched off where the model has a switch.',
      default: false,
    }),
    maxTokens: wholeNumber({
      label: 'Max tokens of reasoning',
      help: 'A verdict whose reasoning is longer is unreadable. Used if reasoning is on.',
      from: 16,
      to: 4096,
      default: 512,
      unit: 'tokens',
    }),
  },
})

export type RubricSettings = ValuesOf<typeof rubric.settings>
