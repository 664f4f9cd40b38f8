// Knows: which tensors make up each matrix of the decoder, and reads them piece by piece.
// Must not know: sessions, graphs, the format of the file. The caller has checked that all tensors are there.
import type { Architecture } from '../models/architectures/index.ts'
import type { DecoderShape } from '../models/shape.ts'
import type { TensorNames, TensorRole } from './decoder-tensors.ts'
import { dequantise, requireQuant, toDense, toEightBit, toFourBit, type RowBlock } from './dequantise.ts'
import type { GgufTensor } from './gguf/gguf-header.ts'
import type { LayerLinear, LinearWeight, LoadedWeights, NormName } from './loaded.ts'
import type { ByteSource } from './source.ts'

/**
 * `f32`: every matrix as floats, [K, N]. `nb4s`: four and eight bits if that is exact (Q4_0, Q4_1, Q4_K, Q8_0), else
 * floats.
 */
export type WeightKind = 'f32' | 'nb4s'

/** A model's tensors in a source. */
export interface StoredModel {
  readonly shape: DecoderShape
  readonly tensors: ReadonlyMap<string, GgufTensor>
  readonly source: ByteSource
  readonly nameOf: TensorNames
  /** Rows of q and k that rotate together are neighbours. */
  readonly pairsRows: boolean
  /** Added to every norm weight. */
  readonly addToNorms: 0 | 1
}

export interface ReadHooks {
  /** Gets the bytes of the tensors read and the total. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** The form of the weights in GGUF files of an architecture. */
export const formOfGguf = ({ pairsRows }: Architecture): Pick<StoredModel, 'pairsRows' | 'addToNorms'> => ({
  pairsRows,
  addToNorms: 0,
})
/** The same for Hugging Face's files. */
export const formOfHuggingFace = ({
  normsLessOne,
}: Architecture): Pick<StoredModel, 'pairsRows' | 'addToNorms'> => ({
  pairsRows: false,
  addToNorms: normsLessOne === true ? 1 : 0,
})

/** A model as it was read, its matrices in the form that the reader wanted. */
export interface ReadModel<Matrix> {
  readonly shape: DecoderShape
  readonly layers: readonly ReadLayer<Matrix>[]
  readonly finalNorm: Float32Array
  readonly head: Matrix
  /** Rows of the embedding, in the file's type. */
  readonly embedding: RowBlock
}

export interface ReadLayer<Matrix> {
  readonly linears: Readonly<Record<LayerLinear, Matrix>>
  readonly norms: ReadonlyMap<NormName, Float32Array>
  /** Of q|k|v. */
  readonly bias?: Float32Array
}

/** All weights in the decoder's layouts. Throws as `readModel` does. */
export async function readWeights(
  model: StoredModel,
  kind: WeightKind,
  hooks: ReadHooks = {},
): Promise<LoadedWeights> {
  const convert = (blocks: readonly RowBlock[]): LinearWeight =>
    (kind === 'f32' ? undefined : (toFourBit(blocks) ?? toEightBit(blocks))) ?? toDense(blocks)
  return makeLoaded(await readModel(model, convert, hooks))
}

/**
 * Reads all weights: rows of q and k in half-split order, q|k|v and gate|up stacked, RoPE factors added to the shape. Each matrix is
 * converted as soon as its rows are read, so that only one exists twice. Throws an AbortError if `signal` is aborted, and what the source
 * and `convert` throw.
 */
export async function readModel<Matrix>(
  model: StoredModel,
  convert: (blocks: readonly RowBlock[]) => Matrix,
  hooks: ReadHooks = {},
): Promise<ReadModel<Matrix>> {
  const { shape: described } = model
  const reader = new TensorReader(model, hooks)
  const shape =
    described.ropeFactors === 'stored'
      ? { ...described, ropeFactors: checkFactors(await reader.vector('ropeFactors', 0)) }
      : described
  const [q, k] = model.pairsRows
    ? [unpermuteRows(shape.heads, shape.headWidth), unpermuteRows(shape.kvHeads, shape.headWidth)]
    : [undefined, undefined]
  const readNorm = async (role: TensorRole, layer: number): Promise<Float32Array> => {
    const gain = await reader.vector(role, layer)
    return model.addToNorms === 0 ? gain : gain.map((one) => one + model.addToNorms)
  }

  const embedding = await reader.rows('embedding', 0)
  const head = convert([shape.tiedHead ? embedding : await reader.rows('head', 0)])
  const layers: ReadLayer<Matrix>[] = []
  for (let i = 0; i < shape.layers; i++) {
    const rows = (role: TensorRole, order?: Int32Array): Promise<RowBlock> => reader.rows(role, i, order)
    const linears = {
      qkv: convert([await rows('q', q), await rows('k', k), await rows('v')]),
      output: convert([await rows('output')]),
      gateUp: convert([await rows('gate'), await rows('up')]),
      down: convert([await rows('down')]),
    }
    const norms = new Map<NormName, Float32Array>()
    for (const [name, role] of normsOf(shape)) norms.set(name, await readNorm(role, i))
    const bias = shape.qkvBias
      ? joinFloats([
          await reader.vector('qBias', i),
          await reader.vector('kBias', i),
          await reader.vector('vBias', i),
        ])
      : undefined
    layers.push({ linears, norms, ...(bias === undefined ? {} : { bias }) })
  }
  return { shape, layers, finalNorm: await readNorm('finalNorm', 0), head, embedding }
}

const normsOf = ({ postNorms, queryKeyNorm }: DecoderShape): readonly (readonly [NormName, TensorRole])[] => [
  ['attention', 'attentionNorm'],
  ['feedForward', 'feedForwardNorm'],
  ...(postNorms
    ? ([
        ['postAttention', 'postAttentionNorm'],
        ['postFeedForward', 'postFeedForwardNorm'],
      ] as const)
    : []),
  ...(queryKeyNorm
    ? ([
        ['query', 'qNorm'],
        ['key', 'kNorm'],
      ] as const)
    : []),
]

function checkFactors(factors: Float32Array): number[] {
  if (!factors.every((factor) => factor > 0 && factor < Infinity))
    throw new Error(
      'This model cannot be used: its RoPE factors are not all numbers above 0. Download the file again.',
    )
  return [...factors]
}

/**
 * Rows of q or k in GGUF's llama order (2i and 2i+1 rotate together) for each row in half-split order (i and i + half).
 */
function unpermuteRows(heads: number, headWidth: number): Int32Array {
  const half = headWidth / 2
  return Int32Array.from({ length: heads * headWidth }, (_, row) => {
    const head = Math.floor(row / headWidth)
    const j = row % headWidth
    return head * headWidth + (j < half ? 2 * j : 2 * (j - half) + 1)
  })
}

function joinFloats(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

class TensorReader {
  readonly #model: StoredModel
  readonly #hooks: ReadHooks
  readonly #total: number
  #done = 0
  #yieldedAt = performance.now()

  constructor(model: StoredModel, hooks: ReadHooks) {
    this.#model = model
    this.#hooks = hooks
    this.#total = [...model.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  async rows(role: TensorRole, layer: number, order?: Int32Array): Promise<RowBlock> {
    const tensor = this.#find(role, layer)
    const bytes = await this.#read(tensor)
    const columns = tensor.shape[0] ?? 0
    const block = {
      quant: requireQuant(tensor.type.name),
      bytes,
      columns,
      rows: tensor.shape.slice(1).reduce((product, size) => product * size, 1),
    }
    return order === undefined ? block : { ...block, order }
  }

  async vector(role: TensorRole, layer: number): Promise<Float32Array> {
    const tensor = this.#find(role, layer)
    return dequantise(tensor, await this.#read(tensor))
  }

  async #read(tensor: GgufTensor): Promise<Uint8Array> {
    // Dequantising keeps the thread busy: yield to aborts and other messages now and then (a timer costs 4 ms, so not
    // every time).
    if (performance.now() - this.#yieldedAt > 60) {
      await new Promise((resolve) => setTimeout(resolve))
      this.#yieldedAt = performance.now()
    }
    this.#hooks.signal?.throwIfAborted()
    const bytes = await this.#model.source.read(tensor.offset, tensor.offset + tensor.bytes)
    this.#done += tensor.bytes
    this.#hooks.onProgress?.(this.#done, this.#total)
    return bytes
  }

  #find(role: TensorRole, layer: number): GgufTensor {
    const name = this.#model.nameOf(role, layer)
    const tensor = this.#model.tensors.get(name)
    if (tensor === undefined) throw new RangeError(`The tensor "${name}" is missing.`)
    return tensor
  }
}

function makeLoaded({
  shape,
  layers,
  finalNorm: final,
  head,
  embedding,
}: ReadModel<LinearWeight>): LoadedWeights {
  const bytesOf = ({ linears, norms, bias }: ReadLayer<LinearWeight>): number =>
    Object.values(linears).reduce((sum, weight) => sum + countBytes(weight), 0) +
    [...norms.values()].reduce((sum, { byteLength }) => sum + byteLength, 0) +
    (bias?.byteLength ?? 0)
  return {
    shape,
    head,
    bytes:
      layers.reduce((sum, layer) => sum + bytesOf(layer), 0) +
      final.byteLength +
      countBytes(head) +
      embedding.bytes.length,
    linear: (layer, which) => pick(layers, layer).linears[which],
    norm: (layer, which) =>
      which === 'final' ? final : need(pick(layers, layer).norms.get(which), `norm "${which}"`),
    ...(shape.qkvBias ? { qkvBias: (layer: number) => need(pick(layers, layer).bias, 'bias') } : {}),
    embedRow: makeRowReader(shape, embedding),
  }
}

/** Reads rows of the embedding. A separate function, so that its closure keeps nothing else in memory. */
export function makeRowReader(
  { vocabulary, width }: Pick<DecoderShape, 'vocabulary' | 'width'>,
  { quant, bytes }: Pick<RowBlock, 'quant' | 'bytes'>,
): LoadedWeights['embedRow'] {
  const rowBytes = (width / quant.elements) * quant.blockBytes
  return (id, out, at) => {
    if (!(Number.isInteger(id) && id >= 0 && id < vocabulary))
      throw new RangeError(`Token ${id} is not in the vocabulary of ${vocabulary}.`)
    quant.readRow(bytes, id * rowBytes, width, out, at)
  }
}

function need<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new RangeError(`There is no ${what} in these weights.`)
  return found
}

function pick<T>(layers: readonly T[], layer: number): T {
  const found = layers[layer]
  if (found === undefined) throw new RangeError(`There is no layer ${layer}; there are ${layers.length}.`)
  return found
}

/** Bytes of a matrix. */
function countBytes(weight: LinearWeight): number {
  if (weight.kind === 'f32') return weight.data.byteLength
  const packed = weight.b.byteLength + weight.scales.byteLength
  return weight.kind === 'nb8'
    ? packed
    : packed + weight.zeroPoints.byteLength + (weight.correction?.byteLength ?? 0)
}
