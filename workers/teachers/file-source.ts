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
}
