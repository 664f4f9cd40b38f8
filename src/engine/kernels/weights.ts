// Knows: all weights of a decoder in the kernels' memory.
// Must not know: files (weights/), what is computed with them (decoder.ts).
import type { LayerLinear, LoadedWeights, NormName } from '../models/decoder-weights.ts'
import type { DecoderShape } from '../models/shape.ts'
import type { RowBlock } from '../weights/dequantise.ts'
import { f32 } from '../weights/quants/f32.ts'
import {
  makeRowReader,
  readModel,
  type ReadHooks,
  type ReadModel,
  type StoredModel,
} from '../weights/read-weights.ts'
import { BLOCK, roundUp } from './layouts.ts'
import { isLossless, makeMatrixReader, packMatrix, type KernelForm, type KernelMatrix } from './matrix.ts'
import type { Kernels } from './module.ts'

export interface KernelLayer {
  readonly linears: Readonly<Record<LayerLinear, KernelMatrix>>
  /** Addresses of gains, padded with zeros; 0 if there is none. */
  readonly norms: Readonly<Record<Exclude<NormName, 'final'>, number>>
  /** Address of the bias of q|k|v; 0 if there is none. */
  readonly bias: number
}

export interface KernelWeights {
  readonly shape: DecoderShape
  readonly layers: readonly KernelLayer[]
  readonly finalNorm: number
  readonly head: KernelMatrix
  /** Writes the embedding of a token to `out[at … at+width)`. Throws a RangeError for an id outside the vocabulary. */
  readonly embedRow: (id: number, out: Float32Array, at: number) => void
  /** Bytes of all matrices. */
  readonly bytes: number
  /** Whether some matrices are of integers, whose activations are rounded; and whether the file had some of floats. */
  readonly integers: boolean
  readonly floats: boolean
}

/**
 * Why the kernels cannot run a decoder of this shape, as a phrase after "because"; undefined if they can. Vectors hold four numbers, and
 * groups eight rows.
 */
export function findKernelProblem({ headWidth, feedForward, classes }: DecoderShape): string | undefined {
  if (headWidth % 8 !== 0) return `its heads have a width of ${headWidth}, which is no multiple of 8`
  if (feedForward % 8 !== 0)
    return `its feed-forward layer has a width of ${feedForward}, which is no multiple of 8`
  if (classes !== undefined) return 'it classifies and does not generate'
  return undefined
}

/** Reads a model's weights from its source straight into the kernels' memory. Throws as `readModel` does, and EngineError. */
export async function readKernelWeights(
  kernels: Kernels,
  model: StoredModel,
  form: KernelForm,
  hooks: ReadHooks = {},
): Promise<KernelWeights> {
  const read = await readModel(model, (blocks) => packMatrix(kernels, blocks, form), hooks)
  // The rows of a tied head are those of the embedding, so the file's bytes need not stay.
  const fromHead = read.shape.tiedHead && isLossless(read.embedding, form)
  return finish(kernels, read, fromHead ? undefined : makeRowReader(read.shape, read.embedding))
}

/** Packs weights that are floats in JavaScript's memory. Throws a TypeError for packed ones. */
export function packLoadedWeights(kernels: Kernels, weights: LoadedWeights, form: KernelForm): KernelWeights {
  const { shape } = weights
  const pack = (weight: LoadedWeights['head']): KernelMatrix => {
    if (weight.kind !== 'f32') throw new TypeError('only floats can be packed again')
    const { K, N, data } = weight
    const rows = new Float32Array(K * N)
    for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) rows[n * K + k] = data[k * N + n] as number
    return packMatrix(
      kernels,
      [{ quant: f32, bytes: new Uint8Array(rows.buffer), columns: K, rows: N }],
      form,
    )
  }
  const layers = Array.from({ length: shape.layers }, (_, layer) => {
    const linear = (which: LayerLinear): KernelMatrix => pack(weights.linear(layer, which))
    return {
      linears: {
        qkv: linear('qkv'),
        output: linear('output'),
        gateUp: linear('gateUp'),
        down: linear('down'),
      },
      norms: new Map(namesOfNorms(shape).map((name) => [name, weights.norm(layer, name)])),
      ...(weights.qkvBias === undefined ? {} : { bias: weights.qkvBias(layer) }),
    }
  })
  const read = { shape, layers, finalNorm: weights.norm(0, 'final'), head: pack(weights.head) }
  return finish(kernels, read, weights.embedRow)
}

const namesOfNorms = ({ postNorms, queryKeyNorm }: DecoderShape): Exclude<NormName, 'final'>[] => [
  'attention',
  'feedForward',
  ...(postNorms ? (['postAttention', 'postFeedForward'] as const) : []),
  ...(queryKeyNorm ? (['query', 'key'] as const) : []),
]

function finish(
  kernels: Kernels,
  { shape, layers, finalNorm, head }: Omit<ReadModel<KernelMatrix>, 'embedding'> & { embedding?: RowBlock },
  embedRow: KernelWeights['embedRow'] | undefined,
): KernelWeights {
  const { heap } = kernels
  const store = (vector: Float32Array | undefined): number => {
    if (vector === undefined) return 0
    const address = heap.allocate(roundUp(vector.length, BLOCK) * 4)
    heap.floats.set(vector, address / 4)
    return address
  }
  const own = layers.map(({ linears, norms, bias }) => ({
    linears,
    norms: {
      attention: store(norms.get('attention')),
      feedForward: store(norms.get('feedForward')),
      postAttention: store(norms.get('postAttention')),
      postFeedForward: store(norms.get('postFeedForward')),
      query: store(norms.get('query')),
      key: store(norms.get('key')),
    },
    bias: store(bias),
  }))
  const matrices = [head, ...layers.flatMap(({ linears }) => Object.values(linears))]
  return {
    shape,
    layers: own,
    finalNorm: store(finalNorm),
    head,
    embedRow: embedRow ?? makeHeadReader(kernels, shape, head),
    bytes: matrices.reduce((sum, { bytes }) => sum + bytes, 0),
    integers: matrices.some(({ parts }) => parts.some(({ kind }) => kind !== 'floats')),
    floats: matrices.some(({ hasFloats }) => hasFloats),
  }
}

function makeHeadReader(
  kernels: Kernels,
  shape: DecoderShape,
  head: KernelMatrix,
): KernelWeights['embedRow'] {
  const read = makeMatrixReader(kernels, head, shape.width)
  return (id, out, at) => {
    if (!(Number.isInteger(id) && id >= 0 && id < shape.vocabulary))
      throw new RangeError(`Token ${id} is not in the vocabulary of ${shape.vocabulary}.`)
    read(id, out, at)
  }
}
