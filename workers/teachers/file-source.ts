// Knows: the sources that are files, and what reading them from disk, the store or the network is given.
import type { ModelSource } from '../../src/domain/model-source.ts'
import type { LoadProgress } from '../../src/protocol/teacher.ts'

export type FileSource = Extract<
  ModelSource,
  { readonly kind: 'file' | 'files' | 'url' | 'hub' | 'stored' | 'built-in' }
>

export interface LocateOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: LoadProgress) => void
  /**
   * Called if a copy cannot be stored, with the sentence that says so; the model is used without. Absent: the copy is the purpose, and the
   * refusal is thrown.
   */
  readonly onNotStored?: (sentence: string) => void
}
