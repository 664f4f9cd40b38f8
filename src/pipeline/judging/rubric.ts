// Knows: the judge step that scores one completion by a rubric. The rubrics' texts are in templates/rubrics.ts.
import { defineEach } from '../stages/stage.ts'
import type { StepProblem } from '../../domain/recipe.ts'
import { choice, realNumber, role, text, toggle, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { judgeText } from './judge-program.ts'
import { writeJudgeChat } from '../templates/judge-chat.ts'
import { rubricOf, RUBRIC_NAMES, type Rubric } from '../templates/rubrics.ts'

/** Scores 1 to 5, read as the expected score from the probabilities of the five digits; prose is never parsed. */
export const rubric = defineEach({
  family: 'judge',
  name: 'rubric',
  title: 'Judge by a rubric',
  help: 'The judge scores every completion from 1 to 5, read from its token probabilities.',
  settings: {
    by: role({ default: 'judge' }),
    rubric: choice({
      label: 'Rubric',
      help: 'What the score measures.',
      choices: [...RUBRIC_NAMES, 'own'],
      default: 'helpfulness@1',
    }),
    own: text({
      label: 'Own rubric',
      help: 'What a score of 5 requires and a score of 1 lacks.',
      usedIf: { setting: 'rubric', is: ['own'] },
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
      help: 'A verdict whose reasoning is longer is unreadable.',
      usedIf: { setting: 'thinking', is: [true] },
      from: 16,
      to: 4096,
      default: 512,
      unit: 'tokens',
    }),
  },
  check({ rubric: name, own }) {
    if (name !== 'own' || own.trim() !== '') return []
    return [
      {
        field: 'own',
        sentence:
          'the rubric is “own”, but `own` is empty. Describe a good completion, or choose another rubric.',
      },
    ]
  },
  needs: ({ by }) => [
    {
      role: by,
      ability: 'scores',
      without: (model) =>
        `verdicts are read from token probabilities, and ${model} does not return them. Load another model for the judge on the Teacher screen, or remove the step.`,
    },
    {
      role: by,
      ability: 'chat',
      without: (model) =>
        `${model} has no chat template, so it cannot judge. On the Teacher screen, load a model tuned for chat for the judge, or choose a chat template for this one; or remove the step.`,
    },
  ],
  checkModels(settings, modelOf) {
    const { contextLength } = modelOf(settings.by)
    const problems: StepProblem[] = []
    const input = writeJudgeChat(rubricOfSettings(settings), '', '')
    const characters =
      input.kind === 'chat' ? input.messages.reduce((sum, { content }) => sum + content.length, 0) : 0
    if (characters / CHARACTERS_PER_TOKEN > contextLength / 2)
      problems.push({
        field: 'own',
        sentence: `the rubric takes about ${Math.round(characters / CHARACTERS_PER_TOKEN)} tokens, more than half of the judge’s context length of ${contextLength}. Shorten it.`,
      })
    if (settings.thinking && settings.maxTokens > contextLength / 2)
      problems.push({
        field: 'maxTokens',
        sentence: `${settings.maxTokens} tokens of reasoning leave too little room for the texts to judge: the judge’s context length is ${contextLength}. Lower \`maxTokens\` to ${Math.floor(contextLength / 2)} or less, or set \`thinking\` to false.`,
      })
    return problems
  },
  *each({ id, prompt, earlier, completion }, settings, { modelOf }) {
    const { ref: judge, contextLength } = modelOf(settings.by)
    const judging = { rubric: rubricOfSettings(settings), judge, settings, contextLength, role: settings.by }
    return { verdict: yield* judgeText(id, { prompt, earlier, completion: completion.text }, judging) }
  },
})

/** Characters per token, roughly, in natural text. */
const CHARACTERS_PER_TOKEN = 4

/** The rubric that these settings choose. */
export function rubricOfSettings({
  rubric: name,
  own,
}: {
  readonly rubric: string
  readonly own: string
}): Rubric {
  return rubricOf(RUBRIC_NAMES.find((known) => known === name) ?? 'own', own)
}

export type RubricSettings = ValuesOf<typeof rubric.settings>
