// Knows: which metadata and tensors a GGUF file of a Llama-like model needs, and why other files cannot be used.
// Must not know: how tensors are read (llama-gguf.ts), how text is tokenised (../tokenizers).
import { findShapeProblem, type DecoderShape } from '../../models/shape.ts'
import { ggufNames, listNeeded } from '../decoder-tensors.ts'
import {
  countTensors,
  estimateMemory,
  sizeMatrices,
  findTensorProblem,
  type Description,
} from '../describe-tensors.ts'
import type { GgufHeader } from './gguf-header.ts'
import { readArchitecture, readGgufShape } from './gguf-shape.ts'
import { readText } from './metadata.ts'

export type { Description, ModelFacts } from '../describe-tensors.ts'

/** Describes a model without reading weights, or returns a sentence on why it cannot be used. */
export function describeGguf(header: GgufHeader): Description {
  const { metadata, tensors } = header
  const architecture = readArchitecture(metadata)
  if (typeof architecture === 'string') return refuse(architecture)
  const shape = readGgufShape(architecture, metadata, tensors)
  if (typeof shape === 'string') return refuse(shape)
  const problem = findShapeProblem(shape)
  if (problem !== undefined) return refuse(`its sizes do not fit together (${problem})`)
  const missing = findTensorProblem(shape, tensors, ggufNames, () => false)
  if (missing !== undefined) return refuse(missing)
  const name = readText(metadata, 'general.name')
  const licence = readText(metadata, 'general.license')
  return {
    ok: true,
    facts: {
      ...(name === undefined ? {} : { name }),
      architecture: architecture.name,
      shape,
      ...countTensors(tensors),
      ...(licence === undefined ? {} : { licence }),
      hasChatTemplate: readText(metadata, 'tokenizer.chat_template') !== undefined,
      memoryBytes: estimateMemory(shape, tensors, ggufNames),
      matrices: [...sizeMatrices(shape, tensors, ggufNames)],
    },
  }
}

/** Tensors of a Llama-like GGUF file and their shapes in ggml's order, without the head if it is tied. */
export function* listTensors(
  shape: DecoderShape,
): Generator<readonly [name: string, shape: readonly number[]]> {
  for (const { role, layer, shape: size } of listNeeded(shape)) yield [ggufNames(role, layer), size]
}

const refuse = (reason: string): Description => ({
  ok: false,
  sentence: `This model cannot be used: ${reason}. Choose another one.`,
})
