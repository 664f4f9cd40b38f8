// Knows: a train step by itself, outside a recipe: the settings of a student that is about to be trained.
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import type { CheckedStep, StepDraft } from '../../domain/recipe.ts'
import { checkSettings } from '../../domain/settings.ts'
import type { TrainSettings } from '../../domain/student.ts'
import { findStep } from '../steps.ts'
import { trainSettingsOf } from '../training/index.ts'

/** The settings of a train step, with defaults filled in; or every problem, each with its field. */
export function checkTrainStep(
  { family, name, settings }: StepDraft,
  rngSeed: number,
): Checked<TrainSettings> {
  const declaration = family === 'train' ? findStep(family, name) : undefined
  if (declaration === undefined)
    return refuse({
      sentence: `There is no train step called \`${name.slice(0, 60)}\`. Choose another objective.`,
    })
  const values = checkSettings(declaration.settings, settings)
  if (!values.ok) return values
  const step: CheckedStep = { family: 'train', name, settings: values.value }
  return accept(trainSettingsOf(step, rngSeed))
}
