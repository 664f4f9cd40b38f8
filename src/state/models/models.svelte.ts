// Knows: the models that can be chosen without a file picker, and how they are stored and deleted.
import { deleteModel } from '../../actions/models/delete-model.ts'
import { keepModel } from '../../actions/models/keep-model.ts'
import {
  listBuiltIn,
  listModels,
  readBuiltInTeacherCard,
  type ListedModel,
} from '../../actions/models/list-models.ts'
import type { ModelCard } from '../../domain/model-card.ts'
import type { RemoteSource } from '../../domain/model-source.ts'
import type { BuiltInTeacherCard } from '../../pipeline/built-in-teacher-card.ts'
import type { LoadProgress } from '../../protocol/teacher.ts'
import { reportChange } from '../../storage/changes.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'

export type { BuiltInTeacherCard }

export class Models {
  #list = $state.raw<readonly ListedModel[]>([])
  #builtInCard = $state.raw<BuiltInTeacherCard | undefined>()
  #ready = $state(false)
  /** A download into the store. */
  readonly download = new Task<LoadProgress>()
  readonly removal = new Task()
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  get list(): readonly ListedModel[] {
    return this.#list
  }
  /** The card of the built-in teacher; undefined if the page ships without one. */
  get builtInCard(): BuiltInTeacherCard | undefined {
    return this.#builtInCard
  }
  /** The built-in teacher as a listed model. */
  get builtIn(): ListedModel | undefined {
    return this.#builtInCard && listBuiltIn(this.#builtInCard, this.#env.page)
  }
  get ready(): boolean {
    return this.#ready
  }

  async refresh(): Promise<void> {
    // The card does not change while the page is open; a damaged card must not hide the other models.
    this.#builtInCard ??= await readBuiltInTeacherCard(this.#env).catch(() => undefined)
    this.#list = await listModels(this.#env)
    this.#ready = true
  }

  /** Downloads a model and stores it; a second try resumes where the first ended. */
  async keep(source: RemoteSource): Promise<ModelCard | undefined> {
    const card = await this.download.follow((signal) => keepModel(this.#env.machines, { source }, signal))
    reportChange(this.#env.machines.db, ['models'])
    await this.refresh()
    return card
  }

  async remove(name: string): Promise<void> {
    await this.removal.do(() => deleteModel({ name }))
    reportChange(this.#env.machines.db, ['models'])
    await this.refresh()
  }
}
