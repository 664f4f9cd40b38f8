// Knows: which roles a recipe has, by what its steps declare that they need.
// Must not know: which members there are, which models are loaded.
import { KNOWN_ROLES, type Role } from '../../domain/role.ts'
import type { CheckedRecipe, CheckedStep, ModelNeed } from '../../domain/recipe.ts'
import { findStep } from '../steps.ts'

/** What a step with these settings needs of models. */
const needsOf = ({ family, name, settings }: CheckedStep): readonly ModelNeed[] =>
  findStep(family, name)?.needs?.(settings) ?? []

/** The roles that these steps need: known ones first, then the recipe's own in its order. */
export function rolesOf({ steps }: Pick<CheckedRecipe, 'steps'>): readonly Role[] {
  const needed = new Set(steps.flatMap(needsOf).map(({ role }) => role))
  return [...KNOWN_ROLES.filter((role) => needed.has(role)), ...needed].filter(
    (role, at, all) => all.indexOf(role) === at,
  )
}

/** What a role's model is needed for: each ability once, with the indices of the steps that need it. */
export interface RoleNeed {
  readonly ability: ModelNeed['ability']
  readonly steps: readonly number[]
}

/** What these steps need of the model of a role; empty if none needs it. */
export function needsOfRole({ steps }: Pick<CheckedRecipe, 'steps'>, role: Role): readonly RoleNeed[] {
  const needs = new Map<ModelNeed['ability'], Set<number>>()
  steps.forEach((step, index) => {
    for (const need of needsOf(step)) {
      if (need.role !== role) continue
      const found = needs.get(need.ability) ?? new Set()
      needs.set(need.ability, found.add(index))
    }
  })
  return [...needs].map(([ability, indices]) => ({ ability, steps: [...indices] }))
}
