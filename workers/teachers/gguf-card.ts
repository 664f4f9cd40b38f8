// Knows: how a GGUF file is described before it is loaded.
import { estimateKernelMemory } from '../../src/engine/kernels/memory.ts'
import type { ChatFormat } from '../../src/domain/chat-format.ts'
import type { SizedCard } from '../../src/domain/model-card.ts'
import { findUntrainable } from '../../src/engine/models/shape.ts'
import { tokenizerFromGguf } from '../../src/engine/tokenizers/tokenizer.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { readHeaderOf, type GgufHeader } from '../../src/engine/weights/gguf/gguf-header.ts'
import { joinParts } from '../../src/engine/weights/gguf/join-parts.ts'
import { describeGguf, type ModelFacts } from '../../src/engine/weights/gguf/llama-gguf.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { describeChat } from './chat-notes.ts'
import { fingerprintOf } from './fingerprint.ts'
import { nameModel } from './model-name.ts'

export interface DescribedGguf {
  readonly header: GgufHeader
  /** The file, or its parts as one. */
  readonly source: ByteSource
  readonly facts: ModelFacts
  readonly tokenizer: TextTokenizer
  readonly card: SizedCard
}

/**
 * Reads the header and builds the tokenizer; throws `ModelRefused` with the reason if the file cannot be used. `others`: the further
 * parts of a split file. `chatFormat`: in place of its own chat template.
 */
export async function readGgufCard(
  first: ByteSource,
  others: readonly ByteSource[] = [],
  chatFormat?: ChatFormat,
): Promise<DescribedGguf> {
  const { header, source } = await readHeader(first, others)
  const description = describeGguf(header)
  if (!description.ok) throw new RetortError('ModelRefused', `“${source.name}”: ${description.sentence}`)
  const made = tokenizerFromGguf(header.metadata, chatFormat)
  if (!made.ok) throw new RetortError('ModelRefused', `“${source.name}”: ${made.sentence}`)
  const { facts } = description
  const { shape } = facts
  const untrainable = findUntrainable(shape)
  const card: SizedCard = {
    name: nameModel(facts.name, source.name),
    form: 'gguf',
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
    memoryBytes: { ...facts.memoryBytes, ...estimateKernelMemory(facts) },
    fingerprint: await fingerprintOf([await first.read(0, header.headerBytes)], source, header.dataStart),
    hasChatTemplate: made.tokenizer.hasChatTemplate,
    ...describeChat(made.tokenizer, chatFormat),
    ...(untrainable === undefined ? {} : { untrainable }),
  }
  return { header, source, facts, tokenizer: made.tokenizer, card }
}

async function readHeader(
  first: ByteSource,
  others: readonly ByteSource[],
): Promise<{ readonly header: GgufHeader; readonly source: ByteSource }> {
  if (others.length > 0) {
    const joined = await joinParts([first, ...others])
    if (joined.ok) return joined
    throw new RetortError('ModelRefused', `“${first.name}”: ${joined.sentence}`)
  }
  const result = await readHeaderOf(first)
  if (result.kind === 'refused') throw new RetortError('ModelRefused', `“${first.name}”: ${result.sentence}`)
  return { header: result.header, source: first }
}
