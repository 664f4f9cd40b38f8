// Knows: what was found at an address or in picked files: one model, which is chosen at once, or several to choose from.
// Must not know: how files are picked (ui), what is inside them.
import { browseHub } from '../actions/browse-hub.ts'
import type { ModelFile, ModelSource, ModelVariant } from '../domain/model.ts'
import { readHubPlace, readModelAddress } from '../pipeline/models/model-address.ts'
import { keepUsable, listVariants } from '../pipeline/models/variants.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'
import type { Teacher } from './teacher.svelte.ts'

/** Several models in one place. */
export interface FoundModels {
  /** Of the page or the folder. */
  readonly name: string
  readonly variants: readonly ModelVariant[]
  readonly sourceOf: (variant: ModelVariant) => ModelSource
}

export class ModelFinder {
  #found = $state.raw<FoundModels | undefined>()
  #wrong = $state<string | undefined>()
  #asking = $state.raw('')
  /** Each look has one of its own: a worker may take its time to give up an earlier one. */
  #browsing = $state.raw(new Task())
  readonly #around: Surroundings
  readonly #teacher: Teacher

  constructor(around: Surroundings, teacher: Teacher) {
    this.#around = around
    this.#teacher = teacher
  }

  /** The asking of a hub. */
  get browsing(): Task {
    return this.#browsing
  }
  /** The hub that is asked. */
  get asking(): string {
    return this.#asking
  }
  /** What there is to choose from, where it is more than one. */
  get found(): FoundModels | undefined {
    return this.#found
  }
  /** Why what was typed or picked leads nowhere: a sentence. */
  get wrong(): string | undefined {
    return this.#wrong
  }

  #begin(): void {
    this.#browsing.stop()
    this.#browsing = new Task()
    this.#found = undefined
    this.#wrong = undefined
  }

  /** Looks at what an address leads to: a file, or a model's page on a hub. */
  async lookAt(text: string): Promise<void> {
    if (this.#teacher.loading.going) return
    this.#begin()
    const address = readModelAddress(text)
    if (address === undefined) {
      this.#wrong =
        'This is not an address that begins with https://. Copy the address of the model’s page on a hub, or of the GGUF file itself.'
      return
    }
    const { url } = address
    if (address.kind === 'url') return this.#teacher.choose(address, nameOfFile(url))
    const name = readHubPlace(url)?.name ?? url
    this.#asking = new URL(url).host
    this.#teacher.forget()
    const { browsing } = this
    const listing = await browsing.do((signal) => browseHub(this.#around.machines, { url }, signal))
    if (listing === undefined || this.#browsing !== browsing) return
    const wanted = listing.variants.find(
      ({ files }) => address.variant !== undefined && files.includes(address.variant),
    )
    await this.#offer(
      {
        name,
        variants: wanted ? [wanted] : listing.variants,
        sourceOf: ({ id }) => ({ kind: 'hub', url, variant: id }),
      },
      `${name} holds no model that can be read here: no GGUF file, no safetensors, no ONNX decoder. Many models have a page with “GGUF” in its name too.`,
    )
  }

  /** Looks among picked files: one, several, or those of a folder of that name. */
  async take(all: readonly ModelFile[], folder?: string): Promise<void> {
    if (this.#teacher.loading.going) return
    this.#begin()
    const [only] = all
    if (only !== undefined && all.length === 1 && folder === undefined)
      return this.#teacher.choose({ kind: 'file', file: only.file }, only.file.name)
    const files = keepUsable(all)
    const variants = listVariants(files.map(({ path, file }) => ({ path, bytes: file.size })))
    const name = folder ?? only?.file.name ?? 'These files'
    const filesOf = (variant: ModelVariant): readonly ModelFile[] =>
      files.filter(({ path }) => variant.files.includes(path))
    const nameFor = ({ id, form }: ModelVariant): string =>
      folder === undefined || (form === 'gguf' && variants.length > 1)
        ? id.slice(id.lastIndexOf('/') + 1)
        : variants.length > 1
          ? `${folder} ${id.slice(id.lastIndexOf('/') + 1)}`
          : folder
    await this.#offer(
      { name, variants, sourceOf: (variant) => sourceOfFiles(nameFor(variant), filesOf(variant)) },
      `“${name}” holds no model: no GGUF file with all its parts, no config.json with safetensors, no ONNX decoder. Choose the folder that has them in it.`,
    )
  }

  async #offer(found: FoundModels, nothing: string): Promise<void> {
    const [first, second] = found.variants
    if (first === undefined) this.#wrong = nothing
    else if (second === undefined) await this.#choose(found, first)
    else {
      this.#teacher.forget()
      this.#found = found
    }
  }

  /** Takes one of those that were found; the others stay in sight. */
  async choose(variant: ModelVariant): Promise<void> {
    if (this.#found !== undefined) await this.#choose(this.#found, variant)
  }

  #choose({ name, variants, sourceOf }: FoundModels, variant: ModelVariant): Promise<void> {
    return this.#teacher.choose(sourceOf(variant), variants.length === 1 ? name : variant.id)
  }

  /** Takes what was found out of sight. */
  forget(): void {
    this.#begin()
  }
}

/** One file is a source of its own, which adapters can lie on. */
function sourceOfFiles(name: string, files: readonly ModelFile[]): ModelSource {
  const [first, second] = files
  return first !== undefined && second === undefined
    ? { kind: 'file', file: first.file }
    : { kind: 'files', name, files }
}

function nameOfFile(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? url
  try {
    return decodeURIComponent(last) || url
  } catch {
    return last || url
  }
}
