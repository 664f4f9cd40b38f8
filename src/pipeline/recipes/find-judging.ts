// Knows: how the models of a comparison are judged by a recipe: as its first rubric says, else its comparison in pairs, else by default.
import type { RubricSettings } from '../judging/rubric.ts'
import { rubric as rubricStep } from '../judging/rubric.ts'
import { pairwise } from '../comparing-rows/pairwise.ts'
import { settingsOf, type CheckedRecipe } from '../../domain/recipe.ts'
import { readSteps } from './read-steps.ts'

const { settings: declared } = rubricStep
/** For recipes without a judging step. */
const DEFAULT: RubricSettings = {
  by: declared.by.default,
  rubric: declared.rubric.default,
  own: declared.own.default,
  minMass: declared.minMass.default,
  thinking: declared.thinking.default,
  maxTokens: declared.maxTokens.default,
}

/** The settings by which texts are scored and compared in pairs; `by` is the role that judges. */
export function findJudging(recipe: CheckedRecipe): RubricSettings {
  const { judge } = readSteps(recipe)
  if (judge !== undefined) return judge.settings
  const step = recipe.steps.find(({ family, name }) => family === pairwise.family && name === pairwise.name)
  return step === undefined ? DEFAULT : { ...DEFAULT, ...pickJudging(settingsOf(pairwise, step)) }
}

const pickJudging = ({
  by,
  rubric,
  own,
  thinking,
  maxTokens,
}: Pick<RubricSettings, 'by' | 'rubric' | 'own' | 'thinking' | 'maxTokens'>) => ({
  by,
  rubric,
  own,
  thinking,
  maxTokens,
})
