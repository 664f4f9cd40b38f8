// Knows: a checked recipe's steps by family, each with its index and its typed settings.
import { settingsOf, type CheckedRecipe, type CheckedStep } from '../../domain/recipe.ts'
import type { TrainSettings } from '../../domain/student.ts'
import { complete, type CompleteSettings } from '../completing/complete.ts'
import { findFilter } from '../filters/index.ts'
import type { FilterMember } from '../filters/filter.ts'
import { split, type SplitSettings } from '../freezing/split.ts'
import type { GrowMember } from '../growing/growth.ts'
import { findGrow } from '../growing/index.ts'
import { rubric, type RubricSettings } from '../judging/rubric.ts'
import { findKeep } from '../selecting/index.ts'
import type { KeepMember } from '../selecting/selection.ts'
import { trainSettingsOf } from '../training/index.ts'

/** A step's index in its recipe (from 0) and its settings. */
export interface Placed<Values> {
  readonly index: number
  readonly name: string
  readonly settings: Values
}
export interface PlacedGrow extends Placed<CheckedStep['settings']> {
  readonly member: GrowMember
}
export interface PlacedFilter extends Placed<CheckedStep['settings']> {
  readonly member: FilterMember
}
export interface PlacedKeep extends Placed<CheckedStep['settings']> {
  readonly member: KeepMember
}

/** A recipe as a run reads it. `grow` is absent if the seeds themselves are the prompts (no grow step, or one that makes none). */
export interface RecipeSteps {
  readonly grow?: PlacedGrow
  readonly complete: Placed<CompleteSettings>
  readonly filters: readonly PlacedFilter[]
  readonly judge?: Placed<RubricSettings>
  readonly keeps: readonly PlacedKeep[]
  readonly freeze?: Placed<SplitSettings>
  readonly train?: Placed<TrainSettings>
}

/** The steps of a checked recipe, by family. Throws only on a recipe that `checkRecipe` did not make. */
export function readSteps(recipe: CheckedRecipe): RecipeSteps {
  const placed = recipe.steps.map((step, index) => ({ step, index }))
  const find = (family: CheckedStep['family']) => placed.find(({ step }) => step.family === family)

  const grow = find('grow')
  const completing = find('complete')
  const judge = find('judge')
  const freeze = find('freeze')
  const train = find('train')
  if (!completing) throw new TypeError('a checked recipe has a complete step')
  const grower = grow && findGrow(grow.step.name)
  return {
    ...(grow && grower && grower.countPrompts(grow.step.settings, 1) > 0
      ? { grow: { ...withSettings(grow, grow.step.settings), member: grower } }
      : {}),
    complete: withSettings(completing, settingsOf(complete, completing.step)),
    filters: placed.flatMap(({ step, index }) => {
      const member = step.family === 'filter' ? findFilter(step.name) : undefined
      return member ? [{ index, name: step.name, settings: step.settings, member }] : []
    }),
    ...(judge ? { judge: withSettings(judge, settingsOf(rubric, judge.step)) } : {}),
    keeps: placed.flatMap(({ step, index }) => {
      const member = step.family === 'keep' ? findKeep(step.name) : undefined
      return member ? [{ index, name: step.name, settings: step.settings, member }] : []
    }),
    ...(freeze ? { freeze: withSettings(freeze, settingsOf(split, freeze.step)) } : {}),
    ...(train ? { train: withSettings(train, trainSettingsOf(train.step, recipe.rngSeed)) } : {}),
  }
}

const withSettings = <V>(found: { step: CheckedStep; index: number }, settings: V): Placed<V> => ({
  index: found.index,
  name: found.step.name,
  settings,
})
