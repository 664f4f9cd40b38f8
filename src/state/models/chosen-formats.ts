// Knows: which chat format a person chose for which model source, in this session.
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { ModelSource } from '../../domain/model-source.ts'

export class ChosenFormats {
  readonly #formats = new Map<string, ChatFormat>()

  find(source: ModelSource): ChatFormat | undefined {
    return this.#formats.get(keyOf(source))
  }

  /** Undefined: the model's own template. */
  remember(source: ModelSource, format: ChatFormat | undefined): void {
    if (format === undefined) this.#formats.delete(keyOf(source))
    else this.#formats.set(keyOf(source), format)
  }
}

/** A file picked again is the same source. */
function keyOf(source: ModelSource): string {
  if (source.kind === 'file') return JSON.stringify(['file', source.file.name, source.file.size])
  if (source.kind === 'files')
    return JSON.stringify([source.name, source.files.map(({ path, file }) => [path, file.size])])
  return JSON.stringify(source)
}
