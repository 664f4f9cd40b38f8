// Knows: which models a run loads in place of others, and when, before it starts.
// Must not know: how a model is loaded.
import { ownModelOf, type Cast } from '../../domain/cast.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Role } from '../../domain/role.ts'
import { chooseSetAside } from '../models/loaded-memory.ts'
import { findStep } from '../steps.ts'

/** Steps that a person starts after the run. */
const LATER = new Set(['freeze', 'train'])

/** A sentence for each step at which a model is loaded in place of another; empty if all models stay in memory. */
export function announceTurns(recipe: Pick<CheckedRecipe, 'steps'>, cast: Cast): readonly string[] {
  const { plans = {}, memory = {} } = cast.turns ?? {}
  const ownerOf = (role: Role): Role => (ownModelOf(cast, role) === undefined ? 'teacher' : role)
  const present: Role[] = []
  return recipe.steps.flatMap(({ family, name, settings }, index) => {
    const declaration = findStep(family, name)
    const needed = LATER.has(family) ? [] : (declaration?.needs?.(settings) ?? [])
    const roles = [...new Set(needed.map(({ role }) => ownerOf(role)))].filter(
      (role) => plans[role] !== undefined,
    )
    const bring = (role: Role): readonly string[] => {
      const wanted = plans[role]
      if (wanted === undefined || present.includes(role)) return []
      const aside = chooseSetAside(
        present.flatMap((other) => (plans[other] ? [{ ...plans[other].model, role: other }] : [])),
        wanted.model,
        memory,
      )
      for (const other of aside) present.splice(present.indexOf(other.role), 1)
      present.push(role)
      if (aside.length === 0) return []
      const others = aside.map((other) => `the ${other.role}`).join(' and ')
      const when =
        family === 'judge'
          ? 'after all completions are written'
          : `for step ${index + 1} (${declaration?.title ?? name})`
      return [`The ${role} does not fit next to ${others}: it is loaded ${when}, in place of ${others}.`]
    }
    const sentences = roles.flatMap(bring)
    return roles.length > 1 && roles.some((role) => !present.includes(role))
      ? [
          `Step ${index + 1} (${declaration?.title ?? name}) needs ${roles.map((role) => `the ${role}`).join(' and ')}, which do not fit into memory together: each is loaded in place of the other, as seldom as possible.`,
        ]
      : sentences
  })
}
