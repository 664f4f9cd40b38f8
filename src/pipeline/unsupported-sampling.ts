// Knows: which sampling settings of a step a model ignores.
import type { StepProblem } from '../domain/recipe.ts'
import { GREEDY, SAMPLING_NAMES } from '../domain/sampling.ts'
import type { SettingValues } from '../domain/settings.ts'
import type { TeacherDescription } from '../domain/teacher-description.ts'

/** A problem for each sampling setting that has an effect and that the model does not support. */
export const findUnsupportedSampling = (
  settings: SettingValues,
  { card, capabilities }: Pick<TeacherDescription, 'card' | 'capabilities'>,
): StepProblem[] =>
  SAMPLING_NAMES.filter(
    (name) => name in settings && !capabilities.sampling.includes(name) && settings[name] !== GREEDY[name],
  ).map((name) => ({
    field: name,
    sentence: `${card.name} does not support \`${name}\`. Set it to ${GREEDY[name]}, which has no effect, or load another model.`,
  }))
