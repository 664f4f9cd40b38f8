// Knows: who opens a model from which kind of source. A new kind is a file and a line here.
import type { ModelCard, ModelSource } from '../../src/domain/model.ts'
import { endpoint } from './openers/endpoint.ts'
import { files } from './openers/files.ts'
import { student } from './openers/student.ts'
import { webLlm } from './openers/web-llm.ts'
import type { OpenOptions, Teacher } from './teacher.ts'

export interface OpenSourceOptions extends OpenOptions {
  /** Keep a copy in this browser, where the source is not kept already. */
  readonly keep: boolean
  /** Called once, when nothing is left to be refused or downloaded: the model that is loaded makes room. */
  readonly letGo: () => Promise<void>
}

export interface Opener<Source extends ModelSource> {
  /** Describes the model, or throws `ModelRefused` with the reason. Loads nothing. */
  inspect(source: Source, signal: AbortSignal): Promise<ModelCard>
  /** Loads the model. Throws `ModelRefused`, `OutOfMemory`, `DownloadFailed`, an AbortError when stopped. */
  open(source: Source, options: OpenSourceOptions): Promise<Teacher>
}

type Openers = {
  readonly [Kind in ModelSource['kind']]: Opener<Extract<ModelSource, { readonly kind: Kind }>>
}

const OPENERS: Openers = {
  file: files,
  files,
  url: files,
  hub: files,
  stored: files,
  box: files,
  endpoint,
  student,
  'web-llm': webLlm,
}

/** The opener of a source. */
export function findOpener<Source extends ModelSource>({ kind }: Source): Opener<Source> {
  // The index is by kind, which TypeScript cannot follow through a lookup.
  return OPENERS[kind] as Opener<Source>
}
