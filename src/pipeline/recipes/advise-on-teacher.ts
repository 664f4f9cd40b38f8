// Knows: warnings about a recipe with its models, none of which stops a run.
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { BuiltInTeacherCard } from '../built-in-teacher-card.ts'
import { readSteps } from './read-steps.ts'

/** Models whose chat template is known here; servers have their own. */
const LOCAL_FORMS: ReadonlySet<string> = new Set(['gguf', 'safetensors', 'onnx', 'student'])

/** Parameters below which a judge's scores are little better than guesses. */
const SMALL_JUDGE = 1e9

/**
 * Warnings about this recipe with these models; none stops a run. For the built-in teacher they state its measurements. Without a judge of
 * its own the teacher judges.
 */
export function adviseOnTeacher(
  recipe: CheckedRecipe,
  teacher: Pick<TeacherDescription, 'card'>,
  builtIn?: BuiltInTeacherCard,
  judging: Pick<TeacherDescription, 'card'> = teacher,
): string[] {
  const { complete, judge } = readSteps(recipe)
  const steps = [
    ...(complete ? [{ ...complete, card: teacher.card }] : []),
    ...(judge ? [{ ...judge, card: judging.card }] : []),
  ]
  const advice = steps
    .filter(
      ({ settings, card }) => settings.thinking && LOCAL_FORMS.has(card.form) && card.reasoning === undefined,
    )
    .map(
      ({ index, card }) =>
        `${card.name} has no switch for reasoning, so “Reasoning” of step ${index + 1} has no effect.`,
    )
  if (builtIn?.fingerprint === teacher.card.fingerprint)
    advice.push(
      `${teacher.card.name} knows only its own shop: whatever the prompt, it writes about the shop.`,
    )
  const { name, parameters, fingerprint } = judging.card
  if (judge && builtIn?.fingerprint === fingerprint)
    advice.push(describeJudge(builtIn, judge.settings.rubric))
  else if (judge && parameters !== undefined && parameters < SMALL_JUDGE)
    advice.push(
      `${name} has ${Math.round(parameters / 1e6)} million parameters. Judges below about a billion hardly distinguish good completions from bad ones: read some rows before you trust the scores.`,
    )
  return advice
}

/** How reliable the built-in teacher's verdicts are, in counts. */
function describeJudge({ name, measures }: BuiltInTeacherCard, rubric: string): string {
  const measured = measures.verdicts.find((verdict) => verdict.rubric === rubric)
  if (measured === undefined)
    return `${name} was never evaluated as a judge with this rubric: read some rows before you trust the scores.`
  return `As a judge by ${rubric}, ${name} was within one point of the true score for ${measured.replies.withinOne} of ${measured.replies.of} held-out replies and ${measured.solutions.withinOne} of ${measured.solutions.of} solutions of word problems.`
}
