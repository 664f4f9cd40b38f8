// Knows: the search in WebLLM's list: the query, which models run on this machine, which are stored, and how they are deleted.
import { deleteWebLlm } from '../../actions/models/delete-web-llm.ts'
import {
  listWebLlm,
  readWebLlmCatalogue,
  type ListedWebLlmModel,
  type WebLlmCatalogue,
} from '../../actions/models/list-web-llm.ts'
import type { MachineFacts } from '../../domain/machine.ts'
import type { Machine } from '../app/machine.svelte.ts'
import { Task } from '../parts/task.svelte.ts'

export type { ListedWebLlmModel }

const UNKNOWN: MachineFacts['webgpu'] = { available: false, shaderF16: false }

export class WebLlm {
  #catalogue = $state.raw<WebLlmCatalogue | undefined>()
  #models = $state.raw<readonly ListedWebLlmModel[]>([])
  query = $state('')
  /** Hide models that this machine cannot run. */
  onlyRunnable = $state(true)
  readonly opening = new Task()
  readonly removal = new Task()
  readonly #machine: Pick<Machine, 'facts'>
  #gpu = $derived.by(() => this.#machine.facts?.webgpu ?? UNKNOWN)
  #runnable = $derived(this.#models.filter((model) => this.refusalOf(model) === undefined))
  #found = $derived.by(() => {
    const all = this.onlyRunnable ? this.#runnable : this.#models
    const found = this.#catalogue?.searchModels(this.query, all) ?? []
    // Stored models first; the rest keeps its order.
    const byId = new Map(all.map((model) => [model.id, model]))
    return found
      .flatMap(({ id }) => byId.get(id) ?? [])
      .toSorted((a, b) => Number(b.download !== undefined) - Number(a.download !== undefined))
  })

  constructor(machine: Pick<Machine, 'facts'>) {
    this.#machine = machine
  }

  /** Models that match the query; stored ones first, then by the memory they need. */
  get found(): readonly ListedWebLlmModel[] {
    return this.#found
  }
  get count(): number {
    return this.#models.length
  }
  get runnable(): number {
    return this.#runnable.length
  }
  /** Why this machine cannot run any of them. */
  get refusal(): string | undefined {
    return this.#catalogue?.refuseMachine(this.#gpu)
  }
  /** Why this machine cannot run a model. */
  refusalOf(model: ListedWebLlmModel): string | undefined {
    return this.#catalogue?.refuseModel(model, this.#gpu)
  }
  /** Models that are deleted together with this one: they share its files. */
  sharersOf({ id, address }: ListedWebLlmModel): readonly ListedWebLlmModel[] {
    return this.#models.filter((other) => other.address === address && other.id !== id)
  }

  /** Reads the catalogue the first time, and the stored models every time. */
  async refresh(): Promise<void> {
    await this.opening.do(async () => {
      this.#catalogue ??= await readWebLlmCatalogue()
      this.#models = await listWebLlm(this.#catalogue)
    })
  }

  async remove(model: ListedWebLlmModel): Promise<void> {
    await this.removal.do(() => deleteWebLlm(model, this.#models))
    await this.refresh()
  }
}
