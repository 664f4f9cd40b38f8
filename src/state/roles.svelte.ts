// Knows: which models are loaded for which roles: the teacher, and others that have one of their own. What all of them need together.
import { rememberModel } from '../actions/remember-model.ts'
import { makeCast, type Cast } from '../domain/cast.ts'
import type { ProjectId } from '../domain/id.ts'
import type { Backend } from '../domain/machine.ts'
import type { Role } from '../domain/role.ts'
import type { TeacherDescription } from '../domain/teacher-description.ts'
import { isTight, sumBytes } from '../pipeline/models/loaded-memory.ts'
import type { Environment } from './environment.ts'
import { ModelFinder } from './model-finder.svelte.ts'
import { Teacher } from './teacher.svelte.ts'

export { loadedBytes } from '../pipeline/models/loaded-memory.ts'

/** The state of one role's model, as the panels of the Teacher screen show it. */
export interface RoleState {
  readonly teacher: Teacher
  readonly finder: ModelFinder
}

export class Roles {
  readonly teacher: Teacher
  readonly judge: Teacher
  #states = $state.raw<ReadonlyMap<Role, RoleState>>(new Map())
  #shown = $state<Role>('teacher')
  readonly #env: Environment
  #backend: Backend = 'wasm'

  constructor(env: Environment) {
    this.#env = env
    this.teacher = this.open('teacher').teacher
    this.judge = this.open('judge').teacher
  }

  /** The state of a role, made if there is none yet: never inside an effect, since it outlives the screen. */
  open(role: Role): RoleState {
    const known = this.#states.get(role)
    if (known !== undefined) return known
    const teacher = new Teacher(this.#env, role)
    teacher.backend = this.#backend
    const made = { teacher, finder: new ModelFinder(this.#env, teacher) }
    this.#states = new Map([...this.#states, [role, made]])
    return made
  }
  /** The model of a role that was opened. */
  find(role: Role): Teacher | undefined {
    return this.#states.get(role)?.teacher
  }
  /** The role whose model the Teacher screen shows. */
  get shown(): Role {
    return this.#shown
  }
  get shownState(): RoleState {
    return this.#states.get(this.#shown) ?? this.open('teacher')
  }
  /** The roles to choose models for: the teacher, the judge, those of a recipe, and those that have a model. */
  listWith(needed: readonly Role[]): readonly Role[] {
    const chosen = this.all.filter((each) => each.description ?? each.choice ?? this.#shown === each.role)
    return [...new Set(['teacher', 'judge', ...needed, ...chosen.map(({ role }) => role)])]
  }
  show(role: Role): void {
    this.open(role)
    this.#shown = role
  }

  /** The teacher and the other models, loaded or not. */
  get all(): readonly Teacher[] {
    return [...this.#states.values()].map(({ teacher }) => teacher)
  }
  /** The roles besides the teacher's that have a model of their own loaded. */
  get others(): readonly (Teacher & { readonly description: TeacherDescription })[] {
    return this.all.filter(
      (each): each is Teacher & { readonly description: TeacherDescription } =>
        each !== this.teacher && each.description !== undefined,
    )
  }

  /** The loaded models for a piece of work; undefined without a teacher. */
  get cast(): Cast | undefined {
    const teacher = this.teacher.description
    return (
      teacher &&
      makeCast(
        teacher,
        this.others.map(({ role, description }) => [role, description]),
      )
    )
  }
  /** The model that judges now. */
  get judging(): TeacherDescription | undefined {
    return this.judge.description ?? this.teacher.description
  }
  /** True while a model is being loaded for any role. */
  get loading(): boolean {
    return this.all.some(({ loading }) => loading.running)
  }
  /** True while a prompt is tried with the model of any role. */
  get generating(): boolean {
    return this.all.some(({ generation }) => generation.running)
  }
  /** The model chosen for a role is the one that the teacher has: it does the role's work without being loaded a second time. */
  isTeachers(role: Role): boolean {
    const card = this.find(role)?.card
    return (
      role !== 'teacher' &&
      card !== undefined &&
      card.fingerprint === this.teacher.description?.card.fingerprint
    )
  }

  /** Bytes of all loaded models together, with those of one that is to be loaded for a role in place of its present one. */
  bytesWith(role?: Role, wanted = 0): number {
    return wanted + sumBytes(this.all.flatMap((each) => (each.role === role ? [] : (each.description ?? []))))
  }
  /** Whether this number of bytes may be more than this machine has free. */
  isTight(bytes: number, memoryGiB: number | undefined): boolean {
    return isTight(bytes, memoryGiB)
  }

  /** The teacher does the work of this role again: a model of its own is unloaded. */
  async letTeacher(role: Role, projectId: ProjectId): Promise<void> {
    const own = this.find(role)
    if (own === undefined || own === this.teacher) return
    own.loading.stop()
    own.forget()
    await own.unload()
    await rememberModel(this.#env.machines, { projectId, role, name: undefined })
  }

  /** The backend that models are loaded on unless a person chooses another one. */
  useBackend(backend: Backend): void {
    this.#backend = backend
    for (const each of this.all) each.backend = backend
  }

  forget(): void {
    for (const each of this.all) each.forget()
  }

  /** Queries all workers for their models: after a failure there may be none. */
  async sync(): Promise<void> {
    await Promise.all(this.all.map((each) => each.sync()))
  }
}
