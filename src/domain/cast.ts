// Knows: which loaded model has which role in a piece of work.
// Must not know: which models fit into memory together.
import type { ModelSource } from './model-source.ts'
import type { Role } from './role.ts'
import type { TeacherDescription } from './teacher-description.ts'

/** How a model is loaded again without a person. */
export interface LoadPlan {
  /** As it was loaded before: with the same values it generates the same texts. */
  readonly model: TeacherDescription
  readonly source: ModelSource
  /** Size of its file, if known. */
  readonly fileBytes?: number
}

/** What is known of the memory for models. */
export interface Memory {
  /** As the browser reports it. */
  readonly memoryGiB?: number
  /** Models that needed this much together did not fit. */
  readonly tooManyBytes?: number
}

/** Models that do not fit into memory together. */
export interface Turns {
  readonly memory: Memory
  /** Of each role whose model may be unloaded for another one; at least one of them is loaded at any time. */
  readonly plans: Readonly<Record<Role, LoadPlan>>
}

/** The models of a piece of work. A role without a model of its own has the teacher's. */
export interface Cast {
  readonly teacher: TeacherDescription
  readonly judge?: TeacherDescription
  /** The models of all other roles. */
  readonly models?: Readonly<Record<Role, TeacherDescription>>
  /** Absent: all of these models are loaded. Else some take turns: each is loaded when a call of it is made, in place of others. */
  readonly turns?: Turns
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
  turns?: Turns,
): Cast {
  const { teacher: _, judge, ...models } = Object.fromEntries(others)
  return {
    teacher,
    ...(judge ? { judge } : {}),
    ...(Object.keys(models).length > 0 ? { models } : {}),
    ...(turns ? { turns } : {}),
  }
}

/** The models of these roles alone, and the teacher. */
export function limitCast(cast: Cast, roles: readonly Role[]): Cast {
  const isNeeded = (role: Role): boolean => role === 'teacher' || roles.includes(role)
  return makeCast(
    cast.teacher,
    listCast(cast).filter(([role]) => isNeeded(role)),
    // Plans of other roles stay: their models may have to make room.
    Object.keys(cast.turns?.plans ?? {}).some(isNeeded) ? cast.turns : undefined,
  )
}

/** Whether both have the very same models for the same roles. */
export const isSameCast = (a: Cast, b: Cast): boolean =>
  listCast(a).length === listCast(b).length &&
  listCast(a).every(([role, model]) => ownModelOf(b, role) === model)
