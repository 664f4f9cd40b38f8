// Knows: how roles, and what models can do, are named on the page.
import type { ModelNeed } from '../../domain/recipe.ts'

/** “Second-teacher”: a role's name as a title. */
export const titleOfRole = (role: string): string => role.charAt(0).toUpperCase() + role.slice(1)

/** The abilities that steps may need, in the order in which they are shown. */
export const ABILITIES: readonly { readonly ability: ModelNeed['ability']; readonly name: string }[] = [
  { ability: 'chat', name: 'chat' },
  { ability: 'rawPrompts', name: 'raw text' },
  { ability: 'scores', name: 'scores' },
  { ability: 'embeddings', name: 'embeddings' },
  { ability: 'softTargets', name: 'soft targets' },
  { ability: 'seeded', name: 'repeatable sampling' },
]

/** “the judge and the critic”, “the teacher, the judge and the critic”. */
export const listNames = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
