// Knows: what a checked recipe requires of its models, checked before anything is generated. Each step declares its own needs.
// Must not know: which members there are.
import type { Problem } from '../../domain/problem.ts'
import type { CheckedRecipe, ModelOf, StepProblem } from '../../domain/recipe.ts'
import { findStep } from '../steps.ts'

/** Why these models cannot run this recipe: a problem at each step that needs more; empty if they can. */
export function checkModels(recipe: CheckedRecipe, modelOf: ModelOf): Problem[] {
  return recipe.steps.flatMap(({ family, name, settings }, step) => {
    const declaration = findStep(family, name)
    const lacking = (declaration?.needs?.(settings) ?? []).filter(
      ({ role, ability }) => !modelOf(role).capabilities[ability],
    )
    const [first] = lacking // the first is enough: it has to be another model
    const problems: StepProblem[] = [
      ...(first ? [{ sentence: first.without(modelOf(first.role).card.name) }] : []),
      ...(declaration?.checkModels?.(settings, modelOf) ?? []),
    ]
    return problems.map(({ field, sentence }) => ({
      sentence: `Step ${step + 1}: ${sentence}`,
      step,
      ...(field === undefined ? {} : { field }),
    }))
  })
}
