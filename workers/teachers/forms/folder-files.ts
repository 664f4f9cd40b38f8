// Knows: the small files of a model's folder, read as JSON or text.
// Must not know: what they mean.
import { RetortError } from '../../../src/protocol/errors.ts'
import { rootOf } from '../../../src/pipeline/models/variants.ts'
import type { ByteSource } from '../../../src/engine/weights/source.ts'
import type { ModelBundle } from '../bundle.ts'

/** Max bytes of a file: the largest known tokenizer.json has 35 MB, a configuration some kB. */
const MAX_BYTES = 128 * 1024 * 1024

/** The files next to `config.json`, which may be in a subfolder. */
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

  /** The file's text, with a byte-order mark if it has one; undefined if there is none. Throws `ModelRefused` if it is too large. */
  async readText(name: string): Promise<string | undefined> {
    const source = this.find(name)
    if (source === undefined) return undefined
    if (source.size > MAX_BYTES)
      throw new RetortError(
        'ModelRefused',
        `“${this.#bundle.name}” cannot be used: its ${name} has ${Math.round(source.size / 1e6)} MB, more than any such file should have. Get the model’s files again.`,
      )
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await source.read(0, source.size))
  }

  /** The parsed file; undefined if there is none. Throws `ModelRefused` if it is not JSON. */
  async readJson(name: string): Promise<unknown> {
    const text = await this.readText(name)
    if (text === undefined) return undefined
    try {
      return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text)
    } catch {
      throw new RetortError(
        'ModelRefused',
        `“${this.#bundle.name}” cannot be used: its ${name} is damaged (not valid JSON). Get the model’s files again.`,
      )
    }
  }

  /** As `readJson`; throws `ModelRefused` if the file is missing. */
  async requireJson(name: string): Promise<unknown> {
    if (this.find(name) === undefined)
      throw new RetortError(
        'ModelRefused',
        `“${this.#bundle.name}” cannot be used: it has no ${name}. Choose the whole folder of the model, or another one.`,
      )
    return this.readJson(name)
  }
}
