// Knows: which base model adapters are trained on, among those available after a reload, and its model card.
import { inspectModel } from '../../actions/models/inspect-model.ts'
import type { ListedModel } from '../../actions/models/list-models.ts'
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { ModelCard } from '../../domain/model-card.ts'
import type { BaseModel } from '../../domain/student.ts'
import type { ChosenFormats } from './chosen-formats.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'

export { estimateAdapterMemory, refuseAdapterTraining } from '../../pipeline/training/adapter-memory.ts'

/** A model that can be read again without a file picker. */
export interface KeptModel {
  readonly name: string
  readonly source: BaseModel['source']
}

/** The models of a list that are available after a reload: stored in this browser, or built in. */
export const listKept = (models: readonly ListedModel[]): readonly KeptModel[] =>
  models.flatMap(({ name, source }): KeptModel[] =>
    source.kind === 'stored' || source.kind === 'built-in' ? [{ name, source }] : [],
  )

export class ImportedModel {
  #choice = $state.raw<KeptModel | undefined>()
  #card = $state.raw<ModelCard | undefined>()
  #refusal = $state<string | undefined>()
  #chatFormat = $state<ChatFormat | undefined>()
  #reading = $state.raw(new Task())
  readonly #env: Environment
  readonly #formats: Pick<ChosenFormats, 'find'>

  /** `formats`: the chat formats that were chosen on the Teacher screen. */
  constructor(env: Environment, formats: Pick<ChosenFormats, 'find'> = { find: () => undefined }) {
    this.#env = env
    this.#formats = formats
  }

  get choice(): KeptModel | undefined {
    return this.#choice
  }
  /** The chosen model's card; undefined while it is being read or if it is refused. */
  get card(): ModelCard | undefined {
    return this.#card
  }
  /** The chat format in place of its own template: the one chosen for it on the Teacher screen, until another is chosen here. */
  get chatFormat(): ChatFormat | undefined {
    return this.#chatFormat
  }
  set chatFormat(format: ChatFormat | undefined) {
    this.#chatFormat = format
  }
  /** Why it cannot be used: a sentence. */
  get refusal(): string | undefined {
    return this.#refusal ?? this.#reading.error
  }

  /** Chooses the first model if none is chosen or the chosen one is gone. */
  offer(models: readonly KeptModel[]): void {
    const [first] = models
    if (this.#choice !== undefined && models.some(({ name }) => name === this.#choice?.name)) return
    if (first === undefined) this.#forget()
    else void this.choose(first)
  }

  async choose(model: KeptModel): Promise<void> {
    this.#forget()
    this.#choice = model
    this.#chatFormat = this.#formats.find(model.source)
    const reading = new Task()
    this.#reading = reading
    const read = await reading.do((signal) =>
      inspectModel(this.#env.machines, { source: model.source }, signal),
    )
    if (read === undefined || this.#reading !== reading) return
    if (read.ok) this.#card = read.value
    else this.#refusal = read.problems[0]?.sentence
  }

  #forget(): void {
    this.#reading.stop()
    this.#choice = undefined
    this.#card = undefined
    this.#chatFormat = undefined
    this.#refusal = undefined
  }
}
