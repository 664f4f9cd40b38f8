// Knows: how the weights of a Llama-like GGUF file are loaded.
// Must not know: sessions, graphs.
import { findArchitecture } from '../../models/architectures/index.ts'
import { ggufNames } from '../decoder-tensors.ts'
import { describeGguf } from './describe-gguf.ts'
import type { GgufHeader } from './gguf-header.ts'
import type { LoadedWeights } from '../loaded.ts'
import { formOfGguf, readWeights, type StoredModel, type WeightKind } from '../read-weights.ts'
import type { ByteSource } from '../source.ts'

export { describeGguf } from './describe-gguf.ts'
export type { ModelFacts } from './describe-gguf.ts'
export type { WeightKind } from '../read-weights.ts'

/**
 * Reads all weights. `onProgress` gets the bytes read and the total. Throws an Error with a sentence if describeGguf
 * refuses the file, an AbortError if `signal` is aborted, and what the source throws.
 */
export async function loadGgufWeights(
  header: GgufHeader,
  source: ByteSource,
  kind: WeightKind,
  onProgress?: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<LoadedWeights> {
  return readWeights(storedInGguf(header, source), kind, { onProgress, signal })
}

/** The model of a file, for a reader. Throws an Error with a sentence if describeGguf refuses the file. */
export function storedInGguf(header: GgufHeader, source: ByteSource): StoredModel {
  const description = describeGguf(header)
  if (!description.ok) throw new Error(description.sentence)
  const { shape, architecture: name } = description.facts
  const architecture = findArchitecture(name)
  if (architecture === undefined) throw new RangeError(`There is no architecture ${name}.`)
  return { shape, tensors: header.tensors, source, nameOf: ggufNames, ...formOfGguf(architecture) }
}
