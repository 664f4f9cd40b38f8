// Knows: how a run or a training that is resumed gets its own model again: loaded already, or found among the models that can be
// loaded without a person (built in, stored in this browser, served next to the page, students of the project); or what it waits for.
import { findModel, type ModelCandidate } from '../../actions/models/find-model.ts'
import type { ProjectId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import { nameChatFormat } from '../../domain/chat-format.ts'
import type { Role } from '../../domain/role.ts'
import type { LoadedWith } from '../../domain/run.ts'
import type { Student } from '../../domain/student.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { findLoss } from '../../pipeline/training/index.ts'
import type { Environment } from '../app/environment.ts'
import type { Models } from './models.svelte.ts'
import { Task } from '../parts/task.svelte.ts'
import type { Teacher } from './teacher.svelte.ts'

/** The model that is needed. */
export type WantedModel = Pick<ModelRef, 'name' | 'fingerprint' | 'origin'>

/** The teacher that a training still needs when it is resumed; undefined if it needs none. */
export function teacherNeededBy({ settings, teacher, teachers }: Student): WantedModel | undefined {
  if (findLoss(settings.loss)?.teacher === 'during') return teacher
  return teachers?.find(({ softTargets, weight }) => softTargets === undefined && weight > 0)
}

/** What a person has to do before a run or a training with this model can be resumed. */
export const sayWaiting = ({ name, origin }: WantedModel, role: Teacher['role'] = 'teacher'): string =>
  `Resume needs ${name}${asRole(role)}, which is neither built in nor stored in this browser${origin === undefined ? '' : ` (it came from ${origin})`}. Load it on the Teacher screen${asRole(role)}, from its file, address or server, then resume.`

const asRole = (role: Teacher['role']): string => (role === 'teacher' ? '' : ` for the ${role}`)

/** Whether a model is loaded with these values, so that it generates the same texts. Without values (a server), any will do. */
const isLoadedAs = (
  { backend, contextLength, weights, chatFormat }: TeacherDescription,
  loaded: LoadedWith | undefined,
): boolean =>
  loaded === undefined ||
  (backend === loaded.backend &&
    contextLength === loaded.contextLength &&
    chatFormat === loaded.chatFormat &&
    (loaded.weights === undefined || weights === loaded.weights))

/** What a person has to do if the model is loaded with other values than before, and cannot be loaded again from here. */
const sayOtherwise = (
  { name }: WantedModel,
  role: Teacher['role'],
  now: TeacherDescription,
  before: LoadedWith,
): string => {
  const describe = ({ backend, contextLength, chatFormat }: LoadedWith | TeacherDescription): string =>
    `a context of ${contextLength} tokens, ${backend === 'webgpu' ? 'on the graphics card' : 'on the processor'}, ${chatFormat === undefined ? 'its own chat template' : `the chat template of ${nameChatFormat(chatFormat)}`}`
  return `${name} was loaded with ${describe(before)} before, and is loaded with ${describe(now)} now, so it would ${role === 'judge' ? 'give other scores' : 'generate other texts'}. Load it on the Teacher screen${asRole(role)} as before, then resume.`
}

export class TeacherRecall {
  readonly #env: Environment
  readonly #projectId: ProjectId
  readonly #teacher: Teacher
  readonly #models: Models
  readonly #students: () => readonly Student[]
  /** File name of the project's last teacher: the first candidate. */
  readonly #lastName: string | undefined
  readonly #makeRoom: (role: Role) => Promise<void>
  #wanted = $state.raw<WantedModel | undefined>()
  #loadedBefore = $state.raw<LoadedWith | undefined>()
  #waitsFor = $state<string | undefined>()
  readonly task = new Task()

  constructor(
    env: Environment,
    projectId: ProjectId,
    {
      teacher,
      models,
      students,
      lastName,
      makeRoom = async () => undefined,
    }: {
      readonly teacher: Teacher
      readonly models: Models
      readonly students: () => readonly Student[]
      readonly lastName: string | undefined
      /** Sets models of other roles aside that the chosen one of this role does not fit next to. */
      readonly makeRoom?: (role: Role) => Promise<void>
    },
  ) {
    this.#env = env
    this.#projectId = projectId
    this.#teacher = teacher
    this.#models = models
    this.#students = students
    this.#lastName = lastName
    this.#makeRoom = makeRoom
  }

  /** Name of the model that is being found and loaded. */
  get loadingName(): string | undefined {
    return this.task.running ? this.#wanted?.name : undefined
  }
  /** What a person has to do first, after a recall that found no model, until it is loaded. */
  get waitsFor(): string | undefined {
    const { description } = this.#teacher
    const isThere =
      description !== undefined &&
      description.card.fingerprint === this.#wanted?.fingerprint &&
      isLoadedAs(description, this.#loadedBefore)
    return isThere ? undefined : this.#waitsFor
  }

  /**
   * The wanted model, loaded: at once if it is the loaded one with the same values, else found and loaded as it was before, in the place of
   * another. Models of other roles that it does not fit next to are set aside. With `mayBeAside`, one that is set aside itself will do.
   * Undefined if it cannot be found (`waitsFor` has the sentence), if loading failed (`teacher.loading.error`), or after `stop`.
   */
  async recall(
    wanted: WantedModel,
    loaded?: LoadedWith,
    { mayBeAside = false } = {},
  ): Promise<TeacherDescription | undefined> {
    this.#waitsFor = undefined
    const { description, available, role } = this.#teacher
    const isLoaded = description?.card.fingerprint === wanted.fingerprint
    const isKnown = available?.card.fingerprint === wanted.fingerprint
    const present = mayBeAside ? available : description
    if (present?.card.fingerprint === wanted.fingerprint && isLoadedAs(present, loaded)) return present
    const makeRoom = (): Promise<void> => this.#makeRoom(role)
    this.#wanted = wanted
    this.#loadedBefore = loaded
    return this.task.do(async (signal) => {
      signal.addEventListener('abort', () => this.#teacher.loading.stop(), { once: true })
      // The same file is at hand, also one that was picked: it only has to be loaded with other values.
      if (isKnown && loaded && this.#teacher.canReload) return this.#teacher.reloadAs(loaded, makeRoom)
      if (!this.#models.ready) await this.#models.refresh()
      const found = await findModel(
        this.#env.machines,
        { fingerprint: wanted.fingerprint, candidates: this.#list() },
        signal,
      )
      if (found === undefined) {
        this.#waitsFor =
          isLoaded && loaded ? sayOtherwise(wanted, role, description, loaded) : sayWaiting(wanted, role)
        return undefined
      }
      return this.#teacher.chooseAndLoad(found, this.#projectId, loaded, makeRoom)
    })
  }

  stop(): void {
    this.task.stop()
  }

  /** The first ones are the most probable: reading a header may take a request. */
  #list(): readonly ModelCandidate[] {
    const { builtIn, list } = this.#models
    const files = [...(builtIn ? [builtIn] : []), ...list.filter(({ where }) => where !== 'partial')]
    const students = this.#students().map(({ id }) => ({
      name: id,
      source: { kind: 'student' as const, projectId: this.#projectId, studentId: id },
    }))
    return [
      ...files.filter(({ name }) => name === this.#lastName),
      ...files.filter(({ name }) => name !== this.#lastName),
      ...students,
    ]
  }
}
