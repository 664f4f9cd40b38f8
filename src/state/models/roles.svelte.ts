// Knows: which models are loaded for which roles: the teacher, and others that have one of their own. What all of them need together.
import { rememberModel } from '../../actions/models/remember-model.ts'
import { makeCast, type Cast, type Memory, type Turns } from '../../domain/cast.ts'
import type { ProjectId } from '../../domain/id.ts'
import { NO_MODELS } from '../../domain/people.ts'
import type { Backend } from '../../domain/machine.ts'
import { expectedWeights } from '../../domain/weight-form.ts'
import type { Role } from '../../domain/role.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import {
  chooseSetAside,
  isTight,
  loadedBytes,
  sumBytes,
  type Loaded,
} from '../../pipeline/models/loaded-memory.ts'
import type { Environment } from '../app/environment.ts'
import { ModelFinder } from './model-finder.svelte.ts'
import { Teacher } from './teacher.svelte.ts'

export { loadedBytes } from '../../pipeline/models/loaded-memory.ts'

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
  #memoryGiB = $state<number | undefined>()
  /** What all models needed together when memory once ran out. */
  #tooManyBytes = $state<number | undefined>()
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
    const teacher = new Teacher(this.#env, role, () => this.#noteOutOfMemory(role))
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
  /** The roles besides the teacher's that have a model of their own, loaded or set aside. */
  get others(): readonly Teacher[] {
    return this.all.filter((each) => each !== this.teacher && each.available !== undefined)
  }

  /** The models for a piece of work, loaded or set aside; undefined without a teacher. */
  get cast(): Cast | undefined {
    const teacher = this.teacher.available
    const others = this.others.flatMap(({ role, available }) =>
      available ? [[role, available] as const] : [],
    )
    return teacher && makeCast(teacher, others, this.turns)
  }
  /** The models for a run that needs these roles: none are needed where people gave the answers. */
  castFor(roles: readonly Role[]): Cast | undefined {
    return roles.length === 0 ? NO_MODELS : this.cast
  }
  /** The models that take turns in memory; undefined: none does. */
  get turns(): Turns | undefined {
    const plans = this.all.flatMap((each) =>
      each.takesTurns && each.plan ? [[each.role, each.plan] as const] : [],
    )
    return plans.length === 0 ? undefined : { memory: this.memory, plans: Object.fromEntries(plans) }
  }
  /** The model that judges now. */
  get judging(): TeacherDescription | undefined {
    return this.judge.available ?? this.teacher.available
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
      card.fingerprint === this.teacher.available?.card.fingerprint
    )
  }

  /** What is known of this machine's memory. */
  get memory(): Memory {
    return {
      ...(this.#memoryGiB === undefined ? {} : { memoryGiB: this.#memoryGiB }),
      ...(this.#tooManyBytes === undefined ? {} : { tooManyBytes: this.#tooManyBytes }),
    }
  }
  /** GiB of this machine, as far as the browser reports it. */
  useMemory(memoryGiB: number | undefined): void {
    this.#memoryGiB = memoryGiB
  }
  #noteOutOfMemory(role: Role): void {
    const wanted = this.#chosen(role)
    if (wanted === undefined) return
    const bytes = this.bytesWith(role, loadedBytes(wanted) ?? 0)
    // Alone it would not fit either: that says nothing about two models.
    if (this.#localOthers(role).length > 0) this.#tooManyBytes = Math.min(bytes, this.#tooManyBytes ?? bytes)
  }

  /** The model that is chosen for a role, as it would be loaded. */
  #chosen(role: Role): Loaded | undefined {
    const { card, backend, weights, description } = this.open(role).teacher
    if (card === undefined) return description
    const loads = card.form === 'endpoint' ? 'server' : backend
    return { card, backend: loads, weights: weights ?? expectedWeights(card.memoryBytes, loads) }
  }
  /** The loaded models of other roles on this machine. */
  #localOthers(role: Role): readonly (Loaded & { readonly owner: Teacher })[] {
    return this.all.flatMap((owner) => {
      const { description } = owner
      return owner.role === role || description === undefined || !loadedBytes(description)
        ? []
        : [{ ...description, owner }]
    })
  }
  /** The models that the one chosen for a role does not fit next to: they have to be set aside for it. */
  asideFor(role: Role): readonly Teacher[] {
    const wanted = this.find(role) && this.#chosen(role)
    return wanted === undefined
      ? []
      : chooseSetAside(this.#localOthers(role), wanted, this.memory).map(({ owner }) => owner)
  }
  /** Whether the chosen model and those that it does not fit next to can all be loaded again without a person. */
  canTakeTurns(role: Role): boolean {
    const aside = this.asideFor(role)
    return (
      aside.length > 0 && this.find(role)?.canReturn === true && aside.every(({ plan }) => plan !== undefined)
    )
  }
  /** Sets the models aside that the chosen one does not fit next to, if they can take turns: from its load on they do. */
  async makeRoom(role: Role): Promise<void> {
    if (!this.canTakeTurns(role)) return
    for (const owner of this.asideFor(role)) await owner.setAside()
    this.open(role).teacher.takeTurns()
  }
  /** Loads the model that is chosen for a role in place of those that it does not fit next to; from now on they take turns. */
  async loadInTurns(role: Role, projectId: ProjectId): Promise<void> {
    await this.makeRoom(role)
    await this.open(role).teacher.load(projectId)
  }
  /** Loads the model of a role that is set aside, in place of those that it does not fit next to. */
  async bringBack(role: Role, projectId: ProjectId): Promise<void> {
    const own = this.open(role).teacher
    const { plan } = own
    if (plan === undefined) return
    const { model, source } = plan
    await own.choose(source, model.card.fileName)
    if (own.card === undefined || model.backend === 'server') return
    own.useAs({ ...model, backend: model.backend })
    await this.loadInTurns(role, projectId)
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
