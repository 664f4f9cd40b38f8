// Knows: which loaded model has which role in a piece of work.
// Must not know: how a model is loaded.
import type { Role } from './role.ts'
import type { TeacherDescription } from './teacher-description.ts'

/** The models of a piece of work. A role without a model of its own has the teacher's. */
export interface Cast {
  readonly teacher: TeacherDescription
  readonly judge?: TeacherDescription
  /** The models of all other roles. */
  readonly models?: Readonly<Record<Role, TeacherDescription>>
}

/** The models of this cast by role, without the teacher’s for roles that have none of their own. */
export const listCast = ({
  teacher,
  judge,
  models = {},
}: Cast): readonly (readonly [Role, TeacherDescription])[] => [
  ['teacher', teacher],
  ...(judge ? [['judge', judge] as const] : []),
  ...Object.entries(models),
]

/** The model of a role's own; undefined: the teacher's does its work. */
export const ownModelOf = (cast: Cast, role: Role): TeacherDescription | undefined =>
  listCast(cast).find(([name]) => name === role)?.[1]

/** The model of each role. */
export const modelOf =
  (cast: Cast): ((role: Role) => TeacherDescription) =>
  (role) =>
    ownModelOf(cast, role) ?? cast.teacher

/** A cast of models by role. */
export function makeCast(
  teacher: TeacherDescription,
  others: Iterable<readonly [Role, TeacherDescription]>,
): Cast {
  const { teacher: _, judge, ...models } = Object.fromEntries(others)
  return {
    teacher,
    ...(judge ? { judge } : {}),
    ...(Object.keys(models).length > 0 ? { models } : {}),
  }
}

/** The models of these roles alone, and the teacher. */
export const limitCast = (cast: Cast, roles: readonly Role[]): Cast =>
  makeCast(
    cast.teacher,
    listCast(cast).filter(([role]) => roles.includes(role)),
  )

/** Whether both have the very same models for the same roles. */
export const isSameCast = (a: Cast, b: Cast): boolean =>
  listCast(a).length === listCast(b).length &&
  listCast(a).every(([role, model]) => ownModelOf(b, role) === model)
