// Knows: the models found at an address or in picked files: a single one is chosen at once, several are offered.
// Must not know: how files are picked (ui), what is inside them.
import { browseHub } from '../../actions/models/browse-hub.ts'
import type { ModelFile, ModelSource, ModelVariant } from '../../domain/model-source.ts'
import { readHubLocation, readModelAddress } from '../../pipeline/models/model-address.ts'
import { keepUsable, listVariants } from '../../pipeline/models/variants.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'
import type { Teacher } from './teacher.svelte.ts'

/** Several models at one address or in one folder. */
export interface FoundModels {
  /** Name of the hub page or the folder. */
  readonly name: string
  readonly variants: readonly ModelVariant[]
  readonly sourceOf: (variant: ModelVariant) => ModelSource
}

export class ModelFinder {
  #found = $state.raw<FoundModels | undefined>()
  #problem = $state<string | undefined>()
  #host = $state.raw('')
  /** Each listing has its own task: a worker may take a while to abort an earlier one. */
  #browsing = $state.raw(new Task())
  readonly #env: Environment
  readonly #teacher: Teacher

  constructor(env: Environment, teacher: Teacher) {
    this.#env = env
    this.#teacher = teacher
  }

  /** The request to a hub. */
  get browsing(): Task {
    return this.#browsing
  }
  /** The host of the hub being listed. */
  get host(): string {
    return this.#host
  }
  /** The models to choose from, if there is more than one. */
  get found(): FoundModels | undefined {
    return this.#found
  }
  /** Why the typed address or the picked files cannot be used: a sentence. */
  get problem(): string | undefined {
    return this.#problem
  }

  #begin(): void {
    this.#browsing.stop()
    this.#browsing = new Task()
    this.#found = undefined
    this.#problem = undefined
  }

  /** Inspects an address: a file, or a model's page on a hub. */
  async inspectAddress(text: string): Promise<void> {
    if (this.#teacher.loading.running) return
    this.#begin()
    const address = readModelAddress(text)
    if (address === undefined) {
      this.#problem =
        'The address does not start with https://. Copy the address of the model’s page on a hub, or of the GGUF file.'
      return
    }
    const { url } = address
    if (address.kind === 'url') return this.#teacher.choose(address, nameOfFile(url))
    const name = readHubLocation(url)?.name ?? url
    this.#host = new URL(url).host
    this.#teacher.forget()
    const { browsing } = this
    const listing = await browsing.do((signal) => browseHub(this.#env.machines, { url }, signal))
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
      `${name} has no model that can be read here: no GGUF file, no safetensors, no ONNX decoder. Many models also have a page with “GGUF” in its name.`,
    )
  }

  /** Finds the models in picked files: one file, several, or those of a folder of that name. */
  async inspectFiles(picked: readonly ModelFile[], folder?: string): Promise<void> {
    if (this.#teacher.loading.running) return
    this.#begin()
    const [only] = picked
    if (only !== undefined && picked.length === 1 && folder === undefined)
      return this.#teacher.choose({ kind: 'file', file: only.file }, only.file.name)
    const files = keepUsable(picked)
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
      `“${name}” has no model: no GGUF file with all its parts, no config.json with safetensors, no ONNX decoder. Choose the folder that contains them.`,
    )
  }

  async #offer(found: FoundModels, emptySentence: string): Promise<void> {
    const [first, second] = found.variants
    if (first === undefined) this.#problem = emptySentence
    else if (second === undefined) await this.#choose(found, first)
    else {
      this.#teacher.forget()
      this.#found = found
    }
  }

  /** Chooses one of the found models; the others stay listed. */
  async choose(variant: ModelVariant): Promise<void> {
    if (this.#found !== undefined) await this.#choose(this.#found, variant)
  }

  #choose({ name, variants, sourceOf }: FoundModels, variant: ModelVariant): Promise<void> {
    return this.#teacher.choose(sourceOf(variant), variants.length === 1 ? name : variant.id)
  }

  /** Clears the list of found models. */
  forget(): void {
    this.#begin()
  }
}

/** A single file is a `file` source, on which adapters can be trained. */
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
