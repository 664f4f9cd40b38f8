// Knows: the parts that models play in recipes, and how they are named.
// Must not know: which model has a role.

/** The part that a model plays in a recipe: a known role, or a name of the recipe's own. */
export type Role = string

/** The roles that every recipe knows; each without a model of its own is played by the teacher. */
export const KNOWN_ROLES = ['teacher', 'judge', 'embedder'] as const

/** Max characters of a role's name. */
export const ROLE_NAME_LIMIT = 24

/** Small letters, digits and hyphens, a letter first: the same word in YAML, in a record and in a sentence. */
const ROLE_NAME = /^[a-z][a-z0-9-]*$/

export const isRoleName = (name: string): boolean => name.length <= ROLE_NAME_LIMIT && ROLE_NAME.test(name)
