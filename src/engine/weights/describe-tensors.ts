// Knows: facts about the tensors of a file: whether all that a decoder needs are there, how many parameters, how much
// memory.
// Must not know: which format the file has.
import type { DecoderShape } from '../models/shape.ts'
import { listNeeded, type TensorNames, type TensorRole } from './decoder-tensors.ts'
import type { GgufTensor } from './gguf/gguf-header.ts'
import { findQuant, QUANTS } from './quants/index.ts'
import { quote } from './quote.ts'

type Tensors = ReadonlyMap<string, GgufTensor>

/** Facts about a model from its file. */
export interface ModelFacts {
  /** From the metadata; undefined if it is missing there. */
  readonly name?: string
  readonly architecture: string
  /** Its RoPE factors are `stored` if they are among the weights. */
  readonly shape: DecoderShape
  readonly parameters: number
  /** The most frequent type by parameters, such as `Q4_1`. */
  readonly quantisation: string
  /** Number of tensors per type. */
  readonly tensorTypes: Readonly<Record<string, number>>
  readonly licence?: string
  readonly hasChatTemplate: boolean
  /** Bytes that loading needs on the runtime: 32-bit floats on wasm; on WebGPU the file's packed bits where possible. */
  readonly memoryBytes: { readonly wasm: number; readonly webgpu: number }
  readonly matrices: readonly SizedMatrix[]
}

/** A matrix of a file. */
export interface SizedMatrix {
  /** Name of its type, such as `Q4_1`. */
  readonly type: string
  readonly rows: number
  readonly columns: number
  /** In the file. */
  readonly bytes: number
  readonly isEmbedding: boolean
}

export type Description =
  | { readonly ok: true; readonly facts: ModelFacts }
  | { readonly ok: false; readonly sentence: string }

/**
 * The end of a sentence on a tensor that is missing, has another size, has a type that is not supported, or is unknown;
 * `passes` accepts unknown ones that do not matter.
 */
export function findTensorProblem(
  shape: DecoderShape,
  tensors: Tensors,
  nameOf: TensorNames,
  passes: (name: string) => boolean,
): string | undefined {
  const expected = new Set<string>()
  for (const { role, layer, shape: expectedShape } of listNeeded(shape)) {
    const name = nameOf(role, layer)
    expected.add(name)
    const tensor = tensors.get(name)
    if (tensor === undefined) return `the tensor "${name}" is missing`
    // Trailing ones are the same shape: some writers keep [n, 1].
    const found = tensor.shape.filter((size, i) => i < expectedShape.length || size !== 1)
    if (found.length !== expectedShape.length || found.some((size, i) => size !== expectedShape[i])) {
      return `the tensor "${name}" has the shape ${tensor.shape.join(' × ')}, and ${expectedShape.join(' × ')} was expected`
    }
    if (findQuant(tensor.type.name) === undefined) {
      return `the tensor "${name}" has the type ${tensor.type.name}, which is not supported (supported: ${QUANTS.map((quant) => quant.name).join(', ')})`
    }
  }
  for (const [name, tensor] of tensors) {
    if (expected.has(name) || name.endsWith('rotary_emb.inv_freq') || passes(name)) continue // tables of old converters; they follow from the base
    // An empty tensor, or a table of positions or of a mask: no weights.
    if (tensor.bytes === 0 || /^(?:[IU]\d+|BOOL)$/.test(tensor.type.name)) continue
    if (name.startsWith('rope_freqs'))
      return 'it has RoPE factors ("rope_freqs.weight"), which are not supported for its architecture'
    if (name.endsWith('.bias')) return `it has a bias (${quote(name)}), which the decoder does not support`
    return `it has a tensor ${quote(name)} that the decoder does not support`
  }
  return undefined
}

export function countTensors(
  tensors: Tensors,
): Pick<ModelFacts, 'parameters' | 'quantisation' | 'tensorTypes'> {
  const count: Record<string, number> = {}
  const elements = new Map<string, number>()
  let parameters = 0
  for (const { type, shape } of tensors.values()) {
    const size = shape.reduce((product, n) => product * n, 1)
    parameters += size
    count[type.name] = (count[type.name] ?? 0) + 1
    elements.set(type.name, (elements.get(type.name) ?? 0) + size)
  }
  const [quantisation = ''] = [...elements].toSorted((a, b) => b[1] - a[1])[0] ?? []
  return { parameters, quantisation, tensorTypes: count }
}

/** Matrices that are stacked into one, which stays packed only if all of them can. */
const STACKED: readonly (readonly TensorRole[])[] = [
  ['q', 'k', 'v'],
  ['gate', 'up'],
]

/** Tokens that estimates of memory count a KV cache for: eight rows of 1,024. */
export const countCached = ({ context }: DecoderShape): number => 8 * Math.min(1024, context)

/**
 * Bytes at the peak of loading. wasm: measured heap after creation is 1.55 bytes for every byte of 32-bit floats
 * (prepacked copies), and the copy in JavaScript exists until the session is created. WebGPU: the packed weights twice
 * (here and on the device) and a float correction. Both keep the quantised embedding and a KV cache for eight rows of
 * 1,024 tokens.
 */
export function estimateMemory(
  shape: DecoderShape,
  tensors: Tensors,
  nameOf: TensorNames,
): ModelFacts['memoryBytes'] {
  let floats = 0
  let packed = 0
  for (const { role, layer, shape: size } of listNeeded(shape)) {
    if (role === 'embedding' && !shape.tiedHead) continue
    const elements = size.reduce((product, n) => product * n, 1)
    const stackedTypes = (STACKED.find((roles) => roles.includes(role)) ?? [role]).map(
      (one) => tensors.get(nameOf(one, layer))?.type.name ?? '',
    )
    floats += 4 * elements
    // Four bits with a float scale and correction for 32 weights; eight bits with a float scale; else floats.
    packed +=
      elements *
      (size.length < 2
        ? 4
        : stackedTypes.every((kind) => findQuant(kind)?.readFourBits !== undefined)
          ? 0.5 + 0.25
          : stackedTypes.every((kind) => kind === 'Q8_0')
            ? 1 + 0.125
            : 4)
  }
  const embedding = tensors.get(nameOf('embedding', 0))?.bytes ?? 0
  const cache = 2 * 4 * shape.layers * shape.kvHeads * shape.headWidth * countCached(shape)
  const sum = (weights: number): number => Math.round(weights + embedding + cache)
  return { wasm: sum(2.55 * floats), webgpu: sum(2 * packed) }
}

/** The matrices that a decoder of this shape needs. */
export function* sizeMatrices(
  shape: DecoderShape,
  tensors: Tensors,
  nameOf: TensorNames,
): Generator<SizedMatrix> {
  for (const { role, layer, shape: size } of listNeeded(shape)) {
    const [columns = 1, rows] = size
    const tensor = tensors.get(nameOf(role, layer))
    if (tensor !== undefined && rows !== undefined)
      yield { type: tensor.type.name, rows, columns, bytes: tensor.bytes, isEmbedding: role === 'embedding' }
  }
}
