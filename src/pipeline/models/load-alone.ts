// Knows: which models can be loaded again without a person.
import type { ModelSource } from '../../domain/model-source.ts'

/** Whether a model can be loaded from here at any time: without a download from another host, or a key that has to be typed. */
export function canLoadAlone(source: ModelSource, page: string): boolean {
  switch (source.kind) {
    case 'file':
    case 'files':
    case 'stored':
    case 'built-in':
    case 'student':
      return true
    case 'url':
      return new URL(source.url, page).origin === new URL(page).origin
    case 'hub':
    case 'web-llm':
    case 'endpoint':
      return false
    default:
      return source satisfies never
  }
}
