// Knows: which of the models that are here after a reload adapters are to lie on, and what it says of itself.
import { inspectModel } from '../actions/inspect-model.ts'
import type { ListedModel } from '../actions/list-models.ts'
import type { ModelCard } from '../domain/model.ts'
import type { AdaptedModel } from '../domain/student.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

export { estimateAdapted, faultOfAdapted, type AdaptedMemory } from '../pipeline/training/adapted-memory.ts'

/** A model that can be read again by itself. */
export interface KeptModel {
  readonly name: string
  readonly source: AdaptedModel['source']
}

/** The models of a list that are here after a reload: kept in this browser, or in the box. */
export const listKept = (models: readonly ListedModel[]): readonly KeptModel[] =>
  models.flatMap(({ name, source }): KeptModel[] =>
    source.kind === 'stored' || source.kind === 'box' ? [{ name, source }] : [],
  )

export class ImportedModel {
  #choice = $state.raw<KeptModel | undefined>()
  #card = $state.raw<ModelCard | undefined>()
  #refusal = $state<string | undefined>()
  #reading = $state.raw(new Task())
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  get choice(): KeptModel | undefined {
    return this.#choice
  }
  /** What the chosen model says of itself; undefined while it is read or where it is refused. */
  get card(): ModelCard | undefined {
    return this.#card
  }
  /** Why it cannot be used, in a sentence. */
  get refusal(): string | undefined {
    return this.#refusal ?? this.#reading.trouble
  }

  /** Chooses the first of those there are, where none or one that is gone is chosen. */
  offer(models: readonly KeptModel[]): void {
    const [first] = models
    if (this.#choice !== undefined && models.some(({ name }) => name === this.#choice?.name)) return
    if (first === undefined) this.#forget()
    else void this.choose(first)
  }

  async choose(model: KeptModel): Promise<void> {
    this.#forget()
    this.#choice = model
    const reading = new Task()
    this.#reading = reading
    const read = await reading.do((signal) =>
      inspectModel(this.#around.machines, { source: model.source }, signal),
    )
    if (read === undefined || this.#reading !== reading) return
    if (read.ok) this.#card = read.value
    else this.#refusal = read.problems[0]?.sentence
  }

  #forget(): void {
    this.#reading.stop()
    this.#choice = undefined
    this.#card = undefined
    this.#refusal = undefined
  }
}
