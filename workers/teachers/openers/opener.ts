// Knows: what an opener of one kind of model source offers. A new kind is a file in this folder and a line in ../sources.ts.
import type { ModelCard } from '../../../src/domain/model-card.ts'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import type { OpenOptions, Teacher } from '../teacher.ts'

export interface OpenSourceOptions extends OpenOptions {
  /** Keep a copy in this browser, unless the source is stored already. */
  readonly keep: boolean
  /** Called once, when nothing can be refused and nothing is left to download: unloads the loaded model to free its memory. */
  readonly unloadPrevious: () => Promise<void>
}

export interface Opener<Source extends ModelSource> {
  /** Describes the model, or throws `ModelRefused` with the reason. Loads nothing. */
  inspect(source: Source, signal: AbortSignal): Promise<ModelCard>
  /** Loads the model. Throws `ModelRefused`, `OutOfMemory`, `DownloadFailed`, an AbortError when stopped. */
  open(source: Source, options: OpenSourceOptions): Promise<Teacher>
}
