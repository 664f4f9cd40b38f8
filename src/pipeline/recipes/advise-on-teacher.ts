// Knows: warnings about a recipe with a teacher, none of which stops a run.
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { BuiltInTeacherCard } from '../built-in-teacher-card.ts'
import { readSteps } from './read-steps.ts'

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
