// Knows: which tensors of a Llama-like GGUF file make up which matrix, and reads them piece by piece.
// Must not know: sessions, graphs. The file was accepted by describeGguf (describe-gguf.ts) before.
import type { DecoderShape } from '../models/shape.ts'
import { dequantise, requireQuant, toDense, toEightBit, toFourBit } from './dequantise.ts'
import type { RowBlock } from './dequantise.ts'
import type { GgufHeader, GgufTensor } from './gguf-header.ts'
import { describeGguf } from './describe-gguf.ts'
import type { LayerLinear, LinearWeight, LoadedWeights, NormName } from './loaded.ts'
import type { ByteSource } from './source.ts'

export { describeGguf } from './describe-gguf.ts'
export type { Description, ModelFacts } from './describe-gguf.ts'

/** `f32`: every matrix as floats, [K, N]. `nb4s`: four and eight bits where that is exact (Q4_0, Q4_1, Q4_K, Q8_0), else floats. */
export type WeightKind = 'f32' | 'nb4s'

/**
 * Reads all weights. q and k rows are put back from GGUF's interleaved order into halves, q|k|v and gate|up are stacked.
 * `onProgress` gets bytes of the file read and to read. Throws an Error with a sentence when describeGguf refuses the file,
 * an AbortError when `signal` is aborted, and what the source throws.
 */
export async function loadGgufWeights(header: GgufHeader, source: ByteSource, kind: WeightKind, onProgress?: (done: number, total: number) => void, signal?: AbortSignal): Promise<LoadedWeights> {
  const description = describeGguf(header)
  if (!description.ok) throw new Error(description.sentence)
  const { shape } = description.facts
  const reader = new TensorReader(header, source, onProgress, signal)
  const q = unpermuteRows(shape.heads, shape.headWidth)
  const k = unpermuteRows(shape.kvHeads, shape.headWidth)
  const convert = (blocks: readonly RowBlock[]): LinearWeight => (kind === 'f32' ? undefined : (toFourBit(blocks) ?? toEightBit(blocks))) ?? toDense(blocks)

  const embeddingRows = await reader.rows('token_embd.weight')
  const head = convert([shape.tiedHead ? embeddingRows : await reader.rows('output.weight')])
  const linears: Record<LayerLinear, LinearWeight>[] = []
  const norms: { attention: Float32Array; feedForward: Float32Array }[] = []
  for (let i = 0; i < shape.layers; i++) {
    const rows = (name: string, order?: Int32Array): Promise<RowBlock> => reader.rows(`blk.${i}.${name}.weight`, order)
    linears.push({
      qkv: convert([await rows('attn_q', q), await rows('attn_k', k), await rows('attn_v')]),
      output: convert([await rows('attn_output')]),
      gateUp: convert([await rows('ffn_gate'), await rows('ffn_up')]),
      down: convert([await rows('ffn_down')]),
    })
    norms.push({ attention: await reader.vector(`blk.${i}.attn_norm.weight`), feedForward: await reader.vector(`blk.${i}.ffn_norm.weight`) })
  }
  const final = await reader.vector('output_norm.weight')
  return makeLoaded(shape, linears, norms, final, head, embeddingRows)
}

/** Rows of q or k in GGUF's llama order (pairs 2i, 2i+1 turn together) for each row in half-split order (i and i + half). */
function unpermuteRows(heads: number, headWidth: number): Int32Array {
  const half = headWidth / 2
  return Int32Array.from({ length: heads * headWidth }, (_, row) => {
    const head = Math.floor(row / headWidth)
    const j = row % headWidth
    return head * headWidth + (j < half ? 2 * j : 2 * (j - half) + 1)
  })
}

class TensorReader {
  readonly #header: GgufHeader
  readonly #source: ByteSource
  readonly #onProgress: ((done: number, total: number) => void) | undefined
  readonly #signal: AbortSignal | undefined
  readonly #total: number
  #done = 0
  #yieldedAt = performance.now()

  constructor(header: GgufHeader, source: ByteSource, onProgress: ((done: number, total: number) => void) | undefined, signal: AbortSignal | undefined) {
    this.#header = header
    this.#source = source
    this.#onProgress = onProgress
    this.#signal = signal
    this.#total = [...header.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  async rows(name: string, order?: Int32Array): Promise<RowBlock> {
    const tensor = this.#find(name)
    const bytes = await this.#read(tensor)
    const columns = tensor.shape[0] ?? 0
    const block = { quant: requireQuant(tensor.type.name), bytes, columns, rows: tensor.shape.slice(1).reduce((product, size) => product * size, 1) }
    return order === undefined ? block : { ...block, order }
  }

  async vector(name: string): Promise<Float32Array> {
    const tensor = this.#find(name)
    return dequantise(tensor, await this.#read(tensor))
  }

  async #read(tensor: GgufTensor): Promise<Uint8Array> {
    // Dequantising keeps the thread busy: let aborts and other messages in now and then (a timer costs 4 ms, so not every time).
    if (performance.now() - this.#yieldedAt > 60) {
      await new Promise((resolve) => setTimeout(resolve))
      this.#yieldedAt = performance.now()
    }
    this.#signal?.throwIfAborted()
    const bytes = await this.#source.read(tensor.offset, tensor.offset + tensor.bytes)
    this.#done += tensor.bytes
    this.#onProgress?.(this.#done, this.#total)
    return bytes
  }

  #find(name: string): GgufTensor {
    const tensor = this.#header.tensors.get(name)
    if (tensor === undefined) throw new RangeError(`The tensor "${name}" is missing.`)
    return tensor
  }
}

function makeLoaded(shape: DecoderShape, linears: readonly Record<LayerLinear, LinearWeight>[], norms: readonly { attention: Float32Array; feedForward: Float32Array }[], final: Float32Array, head: LinearWeight, embedding: RowBlock): LoadedWeights {
  const rowBytes = (shape.width / embedding.quant.elements) * embedding.quant.blockBytes
  const layerBytes = linears.reduce((sum, layer) => sum + Object.values(layer).reduce((inner, weight) => inner + countBytes(weight), 0), 0)
  const normBytes = 4 * shape.width * (2 * norms.length + 1)
  return {
    shape,
    head,
    bytes: layerBytes + normBytes + countBytes(head) + embedding.bytes.length,
    linear: (layer, which) => pick(linears, layer)[which],
    norm: (layer: number, which: NormName) => (which === 'final' ? final : pick(norms, layer)[which]),
    embedRow: makeRowReader(shape, embedding, rowBytes),
  }
}

/** Made apart, so that what generation keeps of the weights holds the embedding and not the matrices beside it. */
function makeRowReader({ vocabulary, width }: DecoderShape, { quant, bytes }: RowBlock, rowBytes: number): LoadedWeights['embedRow'] {
  return (id, out, at) => {
    if (!(Number.isInteger(id) && id >= 0 && id < vocabulary)) throw new RangeError(`Token ${id} is not in the vocabulary of ${vocabulary}.`)
    quant.readRow(bytes, id * rowBytes, width, out, at)
  }
}

function pick<T>(layers: readonly T[], layer: number): T {
  const found = layers[layer]
  if (found === undefined) throw new RangeError(`There is no layer ${layer}; there are ${layers.length}.`)
  return found
}

/** Bytes that a matrix takes. */
export function countBytes(weight: LinearWeight): number {
  if (weight.kind === 'f32') return weight.data.byteLength
  const packed = weight.b.byteLength + weight.scales.byteLength
  return weight.kind === 'nb8' ? packed : packed + weight.zeroPoints.byteLength + (weight.correction?.byteLength ?? 0)
}
