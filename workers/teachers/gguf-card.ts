// Knows: how a GGUF file is described before it is loaded, in the program's words.
import { hashOfBytes } from '../../src/domain/hash.ts'
import type { ModelCard } from '../../src/domain/model.ts'
import { tokenizerFromGguf } from '../../src/engine/tokenizers/tokenizer.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { readHeaderOf, type GgufHeader } from '../../src/engine/weights/gguf-header.ts'
import { describeGguf, type ModelFacts } from '../../src/engine/weights/llama-gguf.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { RetortError } from '../../src/protocol/errors.ts'

export interface DescribedGguf {
  readonly header: GgufHeader
  readonly facts: ModelFacts
  readonly tokenizer: TextTokenizer
  readonly card: ModelCard
}

/** Reads the header and builds the tokenizer; throws `ModelRefused` with the reason where the file cannot be used. */
export async function readGgufCard(source: ByteSource): Promise<DescribedGguf> {
  const result = await readHeaderOf(source)
  if (result.kind === 'refused') throw new RetortError('ModelRefused', `“${source.name}”: ${result.sentence}`)
  const { header } = result
  const description = describeGguf(header)
  if (!description.ok) throw new RetortError('ModelRefused', `“${source.name}”: ${description.sentence}`)
  const made = tokenizerFromGguf(header.metadata)
  if (!made.ok) throw new RetortError('ModelRefused', `“${source.name}”: ${made.sentence}`)
  const { facts } = description
  const { shape } = facts
  const card: ModelCard = {
    name: facts.name ?? source.name.replace(/\.gguf$/i, ''),
    fileName: source.name,
    fileBytes: source.size,
    architecture: facts.architecture,
    parameters: facts.parameters,
    quantisation: facts.quantisation,
    tensorTypes: facts.tensorTypes,
    contextLength: shape.context,
    vocabularySize: shape.vocabulary,
    layers: shape.layers,
    width: shape.width,
    ...(facts.licence === undefined ? {} : { licence: facts.licence }),
    memoryBytes: facts.memoryBytes,
    fingerprint: hashOfBytes(await source.read(0, header.headerBytes)).slice(0, 16),
    hasChatTemplate: facts.hasChatTemplate,
  }
  return { header, facts, tokenizer: made.tokenizer, card }
}
