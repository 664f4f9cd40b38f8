// Knows: which model has which role: the teacher, and the judge's own or none. What both need together.
import type { TeacherDescription } from '../domain/teacher-description.ts'
import type { ModelOf } from '../domain/recipe.ts'
import { isTight, sumBytes } from '../pipeline/models/loaded-memory.ts'
import type { Environment } from './environment.ts'
import { ModelFinder } from './model-finder.svelte.ts'
import { Teacher } from './teacher.svelte.ts'

export { loadedBytes } from '../pipeline/models/loaded-memory.ts'

/** A role that a model can be loaded for. */
export type LoadedRole = Teacher['role']

/** The models of a piece of work; without a judge the teacher judges. */
export interface Cast {
  readonly teacher: TeacherDescription
  readonly judge?: TeacherDescription
}

/** The state of one role's model, as the panels of the Teacher screen show it. */
export interface RoleState {
  readonly teacher: Teacher
  readonly finder: ModelFinder
}

/** The model of each role of a recipe. */
export const modelOf =
  ({ teacher, judge = teacher }: Cast): ModelOf =>
  (role) =>
    role === 'judge' ? judge : teacher

export class Roles {
  readonly teacher: Teacher
  readonly judge: Teacher
  readonly finders: Readonly<Record<LoadedRole, ModelFinder>>
  /** The role whose model the Teacher screen shows. */
  shown = $state<LoadedRole>('teacher')

  constructor(env: Environment) {
    this.teacher = new Teacher(env)
    this.judge = new Teacher(env, 'judge')
    this.finders = {
      teacher: new ModelFinder(env, this.teacher),
      judge: new ModelFinder(env, this.judge),
    }
  }

  stateOf(role: LoadedRole): RoleState {
    return { teacher: this[role], finder: this.finders[role] }
  }

  /** The loaded models for a piece of work; undefined without a teacher. */
  get cast(): Cast | undefined {
    const teacher = this.teacher.description
    const judge = this.judge.description
    return teacher && { teacher, ...(judge ? { judge } : {}) }
  }
  /** The model that judges now. */
  get judging(): TeacherDescription | undefined {
    return this.judge.description ?? this.teacher.description
  }
  /** True while a model is being loaded for any role. */
  get loading(): boolean {
    return this.teacher.loading.running || this.judge.loading.running
  }
  /** The model chosen for the judge is the one that the teacher has: it judges without being loaded a second time. */
  get isSameChosen(): boolean {
    const { card } = this.judge
    return card !== undefined && card.fingerprint === this.teacher.description?.card.fingerprint
  }

  /** Bytes of all loaded models together, with those of one that is to be loaded for a role in place of its present one. */
  bytesWith(role?: LoadedRole, wanted = 0): number {
    const others = (['teacher', 'judge'] as const).filter((each) => each !== role)
    return wanted + sumBytes(others.flatMap((each) => this[each].description ?? []))
  }
  /** Whether this number of bytes may be more than this machine has free. */
  isTight(bytes: number, memoryGiB: number | undefined): boolean {
    return isTight(bytes, memoryGiB)
  }

  /** The teacher judges again: a model of the judge's own is unloaded. */
  async letTeacherJudge(): Promise<void> {
    this.judge.loading.stop()
    this.judge.forget()
    await this.judge.unload()
  }

  /** Queries both workers for their models: after a failure there may be none. */
  async sync(): Promise<void> {
    await Promise.all([this.teacher.sync(), this.judge.sync()])
  }
}
