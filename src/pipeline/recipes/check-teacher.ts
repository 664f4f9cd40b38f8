// Knows: what a checked recipe requires of the loaded teacher, checked before anything is generated.
import { GREEDY, SAMPLING_NAMES } from '../../domain/sampling.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import type { Problem } from '../../domain/problem.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import { writeJudgeChat } from '../templates/judge-chat.ts'
import { rubricOfSettings } from '../judging/expected-score.ts'
import type { BuiltInTeacherCard } from '../built-in-teacher-card.ts'
import { planOf } from '../training/index.ts'
import { readSteps } from './read-steps.ts'

/** Characters per token, roughly, in natural text. */
const CHARACTERS_PER_TOKEN = 4

/** Why this teacher cannot run this recipe; empty if it can. */
export function checkAgainstTeacher(
  recipe: CheckedRecipe,
  { card, capabilities, contextLength }: TeacherDescription,
): Problem[] {
  const { grow, complete, judge, train } = readSteps(recipe)
  const problems: Problem[] = []
  const report = (step: number, field: string | undefined, sentence: string): void => {
    problems.push({
      sentence: `Step ${step + 1}: ${sentence}`,
      step,
      ...(field === undefined ? {} : { field }),
    })
  }
  if (grow && !capabilities.rawPrompts)
    report(
      grow.index,
      undefined,
      `growing prompts needs a teacher that continues raw text, and ${card.name} does not support it. Set \`prompts\` to 0, or load another model.`,
    )
  if (grow && grow.settings.maxTokens >= contextLength) {
    report(
      grow.index,
      'maxTokens',
      `${grow.settings.maxTokens} tokens of response leave no room for the list of examples: the teacher’s context length is ${contextLength}. Lower \`maxTokens\`.`,
    )
  }
  if (!capabilities.chat)
    report(
      complete.index,
      undefined,
      `${card.name} has no chat template, so prompts cannot be formatted for it. Load a model tuned for chat (often called “Instruct”), or choose a chat template for this one on the Teacher screen.`,
    )
  if (complete.settings.maxTokens >= contextLength) {
    report(
      complete.index,
      'maxTokens',
      `${complete.settings.maxTokens} tokens of completion leave no room for the prompt: the teacher’s context length is ${contextLength}. Lower \`maxTokens\`.`,
    )
  }
  if (judge && !capabilities.scores)
    report(
      judge.index,
      undefined,
      `verdicts are read from token probabilities, and ${card.name} does not return them. Remove the step, or load another model.`,
    )
  if (judge && capabilities.scores && !capabilities.chat)
    report(
      judge.index,
      undefined,
      `${card.name} has no chat template, so it cannot judge. Remove the step, load a model tuned for chat, or choose a chat template for this one on the Teacher screen.`,
    )
  if (judge) {
    const input = writeJudgeChat(rubricOfSettings(judge.settings), '', '')
    const characters =
      input.kind === 'chat' ? input.messages.reduce((sum, { content }) => sum + content.length, 0) : 0
    if (characters / CHARACTERS_PER_TOKEN > contextLength / 2) {
      report(
        judge.index,
        'own',
        `the rubric takes about ${Math.round(characters / CHARACTERS_PER_TOKEN)} tokens, more than half of the judge’s context length of ${contextLength}. Shorten it.`,
      )
    }
  }
  if (judge?.settings.thinking && judge.settings.maxTokens > contextLength / 2)
    report(
      judge.index,
      'maxTokens',
      `${judge.settings.maxTokens} tokens of reasoning leave too little room for the texts to judge: the judge’s context length is ${contextLength}. Lower \`maxTokens\` to ${Math.floor(contextLength / 2)} or less, or set \`thinking\` to false.`,
    )
  for (const step of grow ? [grow, complete] : [complete]) {
    const unsupported = SAMPLING_NAMES.filter(
      (name) =>
        name in step.settings &&
        !capabilities.sampling.includes(name) &&
        readSetting(step.settings, name) !== GREEDY[name],
    )
    for (const name of unsupported)
      report(
        step.index,
        name,
        `${card.name} does not support \`${name}\`. Set it to ${GREEDY[name]}, which has no effect, or load another model.`,
      )
  }
  if (train && planOf(train.settings).teacher && !capabilities.softTargets)
    report(
      train.index,
      undefined,
      `this objective needs token probabilities, and ${card.name} does not return them for every token. Choose “Train a student on the texts”, or load a model file.`,
    )
  return problems
}

const readSetting = (settings: object, name: string): unknown =>
  Object.entries(settings).find(([key]) => key === name)?.[1]

/** Models whose chat template is known here; servers have their own. */
const LOCAL_FORMS: ReadonlySet<string> = new Set(['gguf', 'safetensors', 'onnx', 'student'])

/** Parameters below which a judge's scores are little better than guesses. */
const SMALL_JUDGE = 1e9

/** Warnings about this recipe with this teacher; none stops a run. For the built-in teacher they state its measurements. */
export function adviseOnTeacher(
  recipe: CheckedRecipe,
  { card }: Pick<TeacherDescription, 'card'>,
  builtIn?: BuiltInTeacherCard,
): string[] {
  const { complete, judge } = readSteps(recipe)
  const advice =
    LOCAL_FORMS.has(card.form) && card.reasoning === undefined
      ? [complete, ...(judge ? [judge] : [])]
          .filter(({ settings }) => settings.thinking)
          .map(
            ({ index }) =>
              `${card.name} has no switch for reasoning, so “Reasoning” of step ${index + 1} has no effect.`,
          )
      : []
  if (builtIn?.fingerprint === card.fingerprint)
    return [
      ...advice,
      `${card.name} knows only its own shop: whatever the prompt, it writes about the shop.`,
      ...(judge ? [describeJudge(builtIn, judge.settings.rubric)] : []),
    ]
  if (!judge || card.parameters === undefined || card.parameters >= SMALL_JUDGE) return advice
  return [
    ...advice,
    `${card.name} has ${Math.round(card.parameters / 1e6)} million parameters. Judges below about a billion hardly distinguish good completions from bad ones: read some rows before you trust the scores.`,
  ]
}

/** How reliable the built-in teacher's verdicts are, in counts. */
function describeJudge({ name, measures }: BuiltInTeacherCard, rubric: string): string {
  const measured = measures.verdicts.find((verdict) => verdict.rubric === rubric)
  if (measured === undefined)
    return `${name} was never evaluated as a judge with this rubric: read some rows before you trust the scores.`
  return `As a judge by ${rubric}, ${name} was within one point of the true score for ${measured.replies.withinOne} of ${measured.replies.of} held-out replies and ${measured.solutions.withinOne} of ${measured.solutions.of} solutions of word problems.`
}
