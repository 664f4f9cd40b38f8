// Knows: which opener opens which kind of model source. A new kind is a file in openers/ and a line here.
import type { ModelSource } from '../../src/domain/model-source.ts'
import { endpoint } from './openers/endpoint.ts'
import { files } from './openers/files.ts'
import type { Opener } from './openers/opener.ts'
import { student } from './openers/student.ts'
import { webLlm } from './openers/web-llm.ts'

type Openers = {
  readonly [Kind in ModelSource['kind']]: Opener<Extract<ModelSource, { readonly kind: Kind }>>
}

const OPENERS: Openers = {
  file: files,
  files,
  url: files,
  hub: files,
  stored: files,
  'built-in': files,
  endpoint,
  student,
  'web-llm': webLlm,
}

/** The opener of a source. */
export function findOpener<Source extends ModelSource>({ kind }: Source): Opener<Source> {
  // The index is by kind, which TypeScript cannot follow through a lookup.
  return OPENERS[kind] as Opener<Source>
}
