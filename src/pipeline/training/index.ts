// Knows: all train steps, and the settings that the student worker gets from a step and an rngSeed.
import { settingsOf, type CheckedStep } from '../../domain/recipe.ts'
import { DIVERGENCE_NAMES, PREFERENCE_NAMES, type TrainSettings } from '../../domain/student.ts'
import { classStep } from './classes.ts'
import { divergenceSteps } from './divergences.ts'
import { loraStep } from './lora.ts'
import { onPolicyStep } from './on-policy.ts'
import { preferenceSteps } from './preferences.ts'
import { rewardStep } from './rewards.ts'
import { teacherText } from './teacher-text.ts'

export const trainMembers = [
  teacherText,
  ...divergenceSteps,
  onPolicyStep,
  classStep,
  ...preferenceSteps,
  rewardStep,
  loraStep,
] as const

/** The student worker's settings. Throws only on a step that `checkRecipe` did not make. */
export function trainSettingsOf(step: CheckedStep, rngSeed: number): TrainSettings {
  const loss = DIVERGENCE_NAMES.find((name) => name === step.name)
  const member = divergenceSteps.find(({ name }) => name === loss)
  if (loss !== undefined && member !== undefined) return { loss, ...settingsOf(member, step), rngSeed }
  const preferred = PREFERENCE_NAMES.find((name) => name === step.name)
  if (preferred !== undefined) return preferenceSettingsOf(preferred, step, rngSeed)
  if (step.name === onPolicyStep.name)
    return { loss: 'on-policy', ...settingsOf(onPolicyStep, step), rngSeed }
  if (step.name === rewardStep.name)
    return { loss: 'grpo', ...FROM_STUDENT, ...settingsOf(rewardStep, step), rngSeed }
  if (step.name === loraStep.name)
    return { loss: 'lora', ...FROM_MODEL, ...settingsOf(loraStep, step), rngSeed }
  if (step.name === classStep.name)
    return { loss: 'classes', packing: false, ...settingsOf(classStep, step), rngSeed }
  return { loss: 'teacher-text', ...settingsOf(teacherText, step), rngSeed }
}

/** Size and context are replaced by those of the chosen base student; neither pairs nor completions are packed. */
const FROM_STUDENT = { preset: 'micro', context: 256, packing: false } as const
/** The size is that of the model that the adapters train on. */
const FROM_MODEL = { preset: 'micro', optimizer: 'adam-w', dropout: 0 } as const

function preferenceSettingsOf(
  loss: (typeof PREFERENCE_NAMES)[number],
  step: CheckedStep,
  rngSeed: number,
): TrainSettings {
  const [dpo, simpo, orpo, kto] = preferenceSteps
  const fromStudent = { ...FROM_STUDENT, rngSeed }
  switch (loss) {
    case 'dpo':
      return { loss, ...fromStudent, ...settingsOf(dpo, step) }
    case 'simpo':
      return { loss, ...fromStudent, ...settingsOf(simpo, step) }
    case 'orpo':
      return { loss, ...fromStudent, ...settingsOf(orpo, step) }
    case 'kto':
      return { loss, ...fromStudent, ...settingsOf(kto, step) }
    default:
      return loss satisfies never
  }
}
