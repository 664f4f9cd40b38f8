// Knows: the small files of a model's folder, read as JSON or text.
// Must not know: what they mean.
import { RetortError } from '../../../src/protocol/errors.ts'
import { rootOf } from '../../../src/pipeline/models/variants.ts'
import type { ByteSource } from '../../../src/engine/weights/source.ts'
import type { ModelBundle } from '../bundle.ts'

/** The largest tokenizer.json there are have 35 MB; a configuration has some kB. */
const LARGEST = 128 * 1024 * 1024

/** The files beside `config.json`, which may lie in a folder of its own. */
export class FolderFiles {
  readonly #bundle: ModelBundle
  readonly #root: string

  constructor(bundle: ModelBundle) {
    this.#bundle = bundle
    this.#root = rootOf(Array.from(bundle.files.keys(), (path) => ({ path })))
  }

  find(name: string): ByteSource | undefined {
    return this.#bundle.files.get(this.#root + name)
  }

  /** The file's text; undefined where there is none. Throws `ModelRefused` where it is too large to be one. */
  async readText(name: string): Promise<string | undefined> {
    const source = this.find(name)
    if (source === undefined) return undefined
    if (source.size > LARGEST)
      throw new RetortError(
        'ModelRefused',
        `“${this.#bundle.name}” cannot be used: its ${name} has ${Math.round(source.size / 1e6)} MB, more than any has. Get the model’s files again.`,
      )
    return new TextDecoder().decode(await source.read(0, source.size))
  }

  /** The parsed file; undefined where there is none. Throws `ModelRefused` where it is no JSON. */
  async readJson(name: string): Promise<unknown> {
    const text = await this.readText(name)
    if (text === undefined) return undefined
    try {
      return JSON.parse(text)
    } catch {
      throw new RetortError(
        'ModelRefused',
        `“${this.#bundle.name}” cannot be used: its ${name} is damaged (it is no JSON). Get the model’s files again.`,
      )
    }
  }

  /** As `readJson`; throws `ModelRefused` where the file is missing. */
  async requireJson(name: string): Promise<unknown> {
    if (this.find(name) === undefined)
      throw new RetortError(
        'ModelRefused',
        `“${this.#bundle.name}” cannot be used: it has no ${name}. Choose the whole folder of the model, or another one.`,
      )
    return this.readJson(name)
  }
}
