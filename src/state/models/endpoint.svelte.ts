// Knows: the server whose address a person types, and the models that it lists. The API key is held in memory only,
// here and in the chosen source: it is never stored.
import { listServedModels } from '../../actions/models/list-served-models.ts'
import type { ModelSource } from '../../domain/model-source.ts'
import type { ServedModel } from '../../protocol/teacher.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'

/** Default addresses of common servers. */
export const PRESETS: readonly { readonly name: string; readonly url: string }[] = [
  { name: 'Ollama', url: 'http://localhost:11434/v1' },
  { name: 'llama.cpp', url: 'http://localhost:8080/v1' },
  { name: 'LM Studio', url: 'http://localhost:1234/v1' },
  { name: 'vLLM', url: 'http://localhost:8000/v1' },
]

export class Endpoint {
  #served = $state.raw<readonly ServedModel[]>([])
  #refusal = $state<string | undefined>()
  /** The address that works and the key of the last listing: `served` belongs to them, whatever is typed since. */
  #listed = $state.raw<{ readonly url: string; readonly key?: string } | undefined>()
  url = $state('')
  key = $state('')
  readonly listing = new Task()
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  /** The models of the address that was listed last. */
  get served(): readonly ServedModel[] {
    return this.#served
  }
  /** The address that lists them. */
  get foundAt(): string | undefined {
    return this.#served.length > 0 ? this.#listed?.url : undefined
  }
  /** Why there are none: a sentence. */
  get refusal(): string | undefined {
    return this.#refusal ?? this.listing.error
  }

  /** Lists the models at the typed address: the first request to it. */
  async listModels(): Promise<void> {
    const address = { url: this.url.trim(), ...(this.key === '' ? {} : { key: this.key }) }
    if (address.url === '' || this.listing.running) return
    this.#served = []
    this.#refusal = undefined
    const found = await this.listing.do((signal) => listServedModels(this.#env.machines, address, signal))
    if (found === undefined) return
    if (!found.ok) {
      this.#refusal = found.problems[0]?.sentence
      return
    }
    // The address that works is shown and stored, not the typed one.
    if (this.url.trim() === address.url) this.url = found.value.url
    this.#listed = { ...address, url: found.value.url }
    this.#served = found.value.models
  }

  /** The source of a listed model. */
  sourceOf({ id }: ServedModel): ModelSource {
    return { kind: 'endpoint', url: '', ...this.#listed, model: id }
  }
}
