// Knows: the declaration of a student's loss, what it says about the student's settings, and the settings that a recipe's step makes.
import type { CheckedStep } from '../../domain/recipe.ts'
import type { TrainSettings } from '../../domain/student.ts'
import { isAsBefore } from '../recipes/upgrade-recipe.ts'
import { LOSSES } from './losses/index.ts'
import type { LossDeclaration, LossPlan } from './losses/loss.ts'

type Loss = (typeof LOSSES)[number]

/** A plan with one of the objectives that the losses name. */
export type TrainingPlan = LossPlan & { readonly objective: ReturnType<Loss['plan']>['objective'] }

/** All train steps, in the order of the form. */
export const trainMembers: readonly LossDeclaration[] = LOSSES

/** The loss of this name; undefined for a name that only a later version has. */
export const findLoss = (name: string | undefined): LossDeclaration | undefined =>
  trainMembers.find((loss) => loss.name === name)

/** The loss of a student's settings. Throws a TypeError for one that no declaration has, which a check lets nothing pass with. */
export function lossOf({ loss: name }: Pick<TrainSettings, 'loss'>): LossDeclaration {
  const loss = findLoss(name)
  if (loss === undefined) throw new TypeError(`there is no loss called ${name}`)
  return loss
}

/** How a student learns with these settings. A setting that an older student does not have is its default. */
export function planOf(settings: TrainSettings): TrainingPlan {
  const loss = lossOf(settings)
  const defaults = Object.fromEntries(
    Object.entries(loss.settings).map(([name, setting]) => [name, setting.default]),
  )
  return loss.plan({ ...defaults, ...settings }) as TrainingPlan // made by a member of LOSSES
}

/** The student worker's settings. Throws only on a step that `checkRecipe` did not make. */
export function trainSettingsOf({ name, settings }: CheckedStep, rngSeed: number): TrainSettings {
  const loss = lossOf({ loss: name })
  // A setting that was added later and has no effect is left out: equal trainings keep the names that they had.
  const own = Object.entries(settings).filter(
    ([key, value]) => !isAsBefore({ family: 'train', name }, key, value),
  )
  return { loss: loss.name, ...loss.fixed, ...Object.fromEntries(own), rngSeed } as TrainSettings // `checkRecipe` built these values from this declaration
}
