// Knows: the program elsewhere that a person types the address of, and the models that it was found to have. The key stands here and
// in the chosen source, in memory: it is stored nowhere.
import { findServed } from '../actions/find-served.ts'
import type { ModelSource } from '../domain/model.ts'
import type { ServedModel } from '../protocol/teacher.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

/** Where programs listen unless they are told otherwise. */
export const PRESETS: readonly { readonly name: string; readonly url: string }[] = [
  { name: 'Ollama', url: 'http://localhost:11434/v1' },
  { name: 'llama.cpp', url: 'http://localhost:8080/v1' },
  { name: 'LM Studio', url: 'http://localhost:1234/v1' },
  { name: 'vLLM', url: 'http://localhost:8000/v1' },
]

export class Endpoint {
  #served = $state.raw<readonly ServedModel[]>([])
  #refusal = $state<string | undefined>()
  /** What was asked with what: the list belongs to it, whatever is typed since. */
  #asked = $state.raw<{ readonly url: string; readonly key?: string } | undefined>()
  url = $state('')
  key = $state('')
  readonly looking = new Task()
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** The models of the address that was looked at last. */
  get served(): readonly ServedModel[] {
    return this.#served
  }
  /** Where they were found. */
  get foundAt(): string | undefined {
    return this.#served.length > 0 ? this.#asked?.url : undefined
  }
  /** Why there are none, in a sentence. */
  get refusal(): string | undefined {
    return this.#refusal ?? this.looking.trouble
  }

  /** Asks the typed address for its models: the first request to it. */
  async look(): Promise<void> {
    const asked = { url: this.url.trim(), ...(this.key === '' ? {} : { key: this.key }) }
    if (asked.url === '' || this.looking.going) return
    this.#served = []
    this.#refusal = undefined
    const found = await this.looking.do((signal) => findServed(this.#around.machines, asked, signal))
    if (found === undefined) return
    this.#asked = asked
    if (found.ok) this.#served = found.value
    else this.#refusal = found.problems[0]?.sentence
  }

  /** A found model as it is chosen. */
  sourceOf({ id }: ServedModel): ModelSource {
    return { kind: 'endpoint', url: '', ...this.#asked, model: id }
  }
}
