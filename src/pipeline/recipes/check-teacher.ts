// Knows: what a checked recipe needs of the loaded teacher, told before anything is generated.
import { GREEDY, SAMPLING_NAMES, type TeacherDescription } from '../../domain/model.ts'
import type { Problem } from '../../domain/problem.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import { needsTeacher } from '../../domain/student.ts'
import { writeJudgeChat } from '../templates/judge-chat.ts'
import { rubricOfSettings } from '../judging/expected-score.ts'
import type { BoxCard } from '../box-card.ts'
import { readSteps } from './read-steps.ts'

/** Characters of a token, roughly, in text that people write. */
const CHARACTERS_PER_TOKEN = 4

/** Why this teacher cannot run this recipe; empty where it can. */
export function checkAgainstTeacher(
  recipe: CheckedRecipe,
  { card, gives, contextLength }: TeacherDescription,
): Problem[] {
  const { grow, complete, judge, train } = readSteps(recipe)
  const problems: Problem[] = []
  const tell = (step: number, field: string | undefined, sentence: string): void => {
    problems.push({
      sentence: `Step ${step + 1}: ${sentence}`,
      step,
      ...(field === undefined ? {} : { field }),
    })
  }
  if (grow && !gives.rawPrompts)
    tell(
      grow.index,
      undefined,
      `growing prompts needs a teacher that continues raw text, and ${card.name} does not. Set \`prompts\` to 0, or load another model.`,
    )
  if (grow && grow.settings.maxTokens >= contextLength) {
    tell(
      grow.index,
      'maxTokens',
      `${grow.settings.maxTokens} tokens of answer leave no room for the list that is shown: the teacher holds ${contextLength} in all. Lower \`maxTokens\`.`,
    )
  }
  if (!gives.chat)
    tell(
      complete.index,
      undefined,
      `${card.name} has no chat template, so it cannot be asked a prompt. Load a model that was tuned for chat (its name often says “Instruct”).`,
    )
  if (complete.settings.maxTokens >= contextLength) {
    tell(
      complete.index,
      'maxTokens',
      `${complete.settings.maxTokens} tokens of completion leave no room for the prompt: the teacher holds ${contextLength} in all. Lower \`maxTokens\`.`,
    )
  }
  if (judge && !gives.scores)
    tell(
      judge.index,
      undefined,
      `the judge is read from token probabilities, and ${card.name} does not give them. Remove the step, or load another model.`,
    )
  if (judge && gives.scores && !gives.chat)
    tell(
      judge.index,
      undefined,
      `${card.name} has no chat template, so it cannot be asked for a verdict. Remove the step, or load a model that was tuned for chat.`,
    )
  if (judge) {
    const asked = writeJudgeChat(rubricOfSettings(judge.settings), '', '')
    const characters =
      asked.kind === 'chat' ? asked.messages.reduce((sum, { content }) => sum + content.length, 0) : 0
    if (characters / CHARACTERS_PER_TOKEN > contextLength / 2) {
      tell(
        judge.index,
        'own',
        `the rubric takes about ${Math.round(characters / CHARACTERS_PER_TOKEN)} tokens, more than half of the ${contextLength} that the judge holds. Shorten it.`,
      )
    }
  }
  for (const step of grow ? [grow, complete] : [complete]) {
    const untaken = SAMPLING_NAMES.filter(
      (name) =>
        name in step.settings &&
        !gives.sampling.includes(name) &&
        readSetting(step.settings, name) !== GREEDY[name],
    )
    for (const name of untaken)
      tell(
        step.index,
        name,
        `${card.name} cannot be told \`${name}\`. Set it to ${GREEDY[name]}, which changes nothing, or load another model.`,
      )
  }
  if (train && needsTeacher(train.settings) && !gives.traces)
    tell(
      train.index,
      undefined,
      `the student is to learn from probabilities, and ${card.name} does not tell those of every token. Train on the texts alone, or load a model file.`,
    )
  return problems
}

const readSetting = (settings: object, name: string): unknown =>
  Object.entries(settings).find(([key]) => key === name)?.[1]

/** Parameters below which a judge's scores are close to guesses. */
const SMALL_JUDGE = 1e9

/** What a person should know of this pair of recipe and teacher; nothing here stops a run. The box says what was measured of it. */
export function adviseOnTeacher(
  recipe: CheckedRecipe,
  { card }: Pick<TeacherDescription, 'card'>,
  box?: BoxCard,
): string[] {
  const { judge } = readSteps(recipe)
  if (box?.fingerprint === card.fingerprint)
    return [
      `${card.name} knows its own shop and nothing else: to anything else it gives answers about the shop.`,
      ...(judge ? [tellJudge(box, judge.settings.rubric)] : []),
    ]
  if (!judge || card.parameters === undefined || card.parameters >= SMALL_JUDGE) return []
  return [
    `${card.name} has ${Math.round(card.parameters / 1e6)} million parameters. Judges below about a billion hardly tell a good answer from a bad one: read some rows yourself before you trust the scores.`,
  ]
}

/** How far the box's verdicts can be trusted, in counts. */
function tellJudge({ name, measures }: BoxCard, rubric: string): string {
  const measured = measures.verdicts.find((verdict) => verdict.rubric === rubric)
  if (measured === undefined)
    return `How well ${name} judges by this rubric was never measured: read some rows yourself before you trust the scores.`
  return `As a judge by ${rubric}, ${name} came within one point of the right score for ${measured.replies.withinOne} of ${measured.replies.of} replies that it had never seen, and for ${measured.solutions.withinOne} of ${measured.solutions.of} solutions of word problems.`
}
