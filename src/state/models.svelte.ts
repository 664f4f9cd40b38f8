// Knows: the models that can be chosen without a picker, and what keeping and deleting them does.
import { deleteModel } from '../actions/delete-model.ts'
import { keepModel } from '../actions/keep-model.ts'
import { listBox, listModels, readBoxCard, type ListedModel } from '../actions/list-models.ts'
import type { ModelCard, RemoteSource } from '../domain/model.ts'
import type { BoxCard } from '../pipeline/box-card.ts'
import type { LoadProgress } from '../protocol/teacher.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

export type { BoxCard }

export class Models {
  #list = $state.raw<readonly ListedModel[]>([])
  #box = $state.raw<BoxCard | undefined>()
  #ready = $state(false)
  /** A download into the store. */
  readonly download = new Task<LoadProgress>()
  readonly removal = new Task()
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  get list(): readonly ListedModel[] {
    return this.#list
  }
  /** What the teacher in the box is; undefined where the page came without one. */
  get box(): BoxCard | undefined {
    return this.#box
  }
  /** The box as it is chosen. */
  get boxed(): ListedModel | undefined {
    return this.#box && listBox(this.#box, this.#around.page)
  }
  get ready(): boolean {
    return this.#ready
  }

  async refresh(): Promise<void> {
    // The box is the same as long as the page is; a damaged card must not hide the other models.
    this.#box ??= await readBoxCard(this.#around).catch(() => undefined)
    this.#list = await listModels(this.#around)
    this.#ready = true
  }

  /** Downloads a model and keeps it; a second try goes on where the first ended. */
  async keep(source: RemoteSource): Promise<ModelCard | undefined> {
    const card = await this.download.follow((signal) => keepModel(this.#around.machines, { source }, signal))
    await this.refresh()
    return card
  }

  async remove(name: string): Promise<void> {
    await this.removal.do(() => deleteModel({ name }))
    await this.refresh()
  }
}
