// Knows: how a GGUF file is described before it is loaded, in the program's words.
import { hashOfBytes } from '../../src/domain/hash.ts'
import type { SizedCard } from '../../src/domain/model.ts'
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
  readonly card: SizedCard
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
  const card: SizedCard = {
    name: facts.name ?? source.name.replace(/\.gguf$/i, ''),
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
    memoryBytes: facts.memoryBytes,
    fingerprint: await readFingerprint(source, header),
    hasChatTemplate: facts.hasChatTemplate,
  }
  return { header, facts, tokenizer: made.tokenizer, card }
}

/** Bytes of each look at the weights, and the shares of their length at which there is one. */
const LOOK_BYTES = 8192
const LOOKS_AT = [0.5, 1] as const

/**
 * Names a model: 16 hexadecimal digits of the SHA-256 of its header and of a look at the middle and at the end of its weights. Models of
 * one shape and one maker have one header, and training changes every weight; to hash a whole file would take a whole download.
 */
async function readFingerprint(source: ByteSource, { headerBytes, dataStart }: GgufHeader): Promise<string> {
  const parts = [await source.read(0, headerBytes)]
  for (const share of LOOKS_AT) {
    const to = dataStart + Math.floor(Math.max(0, source.size - dataStart) * share)
    parts.push(await source.read(Math.min(source.size, Math.max(dataStart, to - LOOK_BYTES)), Math.min(source.size, to)))
  }
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return hashOfBytes(all).slice(0, 16)
}
