// Knows: the train steps there are, and what a step and a rngSeed tell the student worker.
import { settingsOf, type CheckedStep } from '../../domain/recipe.ts'
import { DIVERGENCE_NAMES, type TrainSettings } from '../../domain/student.ts'
import { divergenceSteps } from './divergences.ts'
import { teacherText } from './teacher-text.ts'

export const trainMembers = [teacherText, ...divergenceSteps] as const

/** What the student worker is told. Throws only on a step that `checkRecipe` did not make. */
export function trainSettingsOf(step: CheckedStep, rngSeed: number): TrainSettings {
  const loss = DIVERGENCE_NAMES.find((name) => name === step.name)
  const member = divergenceSteps.find(({ name }) => name === loss)
  if (loss !== undefined && member !== undefined) return { loss, ...settingsOf(member, step), rngSeed }
  return { loss: 'teacher-text', ...settingsOf(teacherText, step), rngSeed }
}
