// Knows: what is told of an architecture: what it does otherwise than Llama, and how its files write that down.
// Must not know: any particular architecture, files.
import type { DecoderShape } from '../shape.ts'

/** One file each in this folder; the index lists them. */
export interface Architecture {
  /** `general.architecture` of GGUF files, and what its keys begin with. */
  readonly name: string
  /** `model_type` in the config.json of Hugging Face. */
  readonly modelTypes: readonly string[]
  /** In GGUF files the rows of q and k lie in pairs that turn together (2i, 2i + 1) and not half a head apart: llama.cpp's converter does so for Llama and what derives from it there. */
  readonly pairsRows: boolean
  /** GGUF files may bring factors of RoPE as `rope_freqs.weight`. */
  readonly storesRopeFactors?: boolean
  readonly qkvBias?: boolean
  readonly queryKeyNorm?: boolean
  readonly postNorms?: boolean
  /** The gate's, and the name that a config.json must give it. */
  readonly activation: { readonly kind: 'silu' | 'gelu'; readonly named: string }
  /** Embeddings are multiplied with √width. Hugging Face rounds that to the type of its weights (34 in bfloat16 for 33.94); here, as in llama.cpp, it is not rounded. */
  readonly scalesEmbeddings?: boolean
  /** Every n-th layer does not turn queries and keys, where its file does not say which. */
  readonly unturnedEvery?: number
  /** How its window goes with its layers, where it has one. */
  readonly windows?: {
    /** Every n-th layer sees all, all others a window; 0: all layers see a window. */
    readonly wholeEvery: number
    /** Base of RoPE in layers with a window; absent: as everywhere. */
    readonly ropeTheta?: number
    /** A GGUF file must tell the window. */
    readonly needed: boolean
    /** Model types whose config.json means its `sliding_window`; all others do where they say `use_sliding_window`. */
    readonly modelTypes: readonly string[]
  }
  /** The scale of attention of models with so many layers, from their width and heads, where it is not 1 / √headWidth. Files do not tell it. */
  readonly attentionScaleOf?: {
    readonly layers: number
    readonly scale: (sizes: { readonly width: number; readonly heads: number }) => number
  }
  /** Norms of Hugging Face's files are less by 1 than what they multiply with. */
  readonly normsLessOne?: boolean
  /** What a config.json need not say, by its own names. */
  readonly defaults: Readonly<Record<string, number | boolean>>
}

/** What files tell of a model beside what its architecture says. */
export interface ToldShape extends Pick<
  DecoderShape,
  | 'layers'
  | 'width'
  | 'heads'
  | 'kvHeads'
  | 'headWidth'
  | 'feedForward'
  | 'vocabulary'
  | 'context'
  | 'ropeTheta'
  | 'normEpsilon'
  | 'tiedHead'
> {
  readonly ropeFactors?: readonly number[] | 'stored'
  readonly attentionScale?: number
  /** Tokens that layers with a window see. */
  readonly window?: number
  /** Base of RoPE in them. */
  readonly windowTheta?: number
  /** Which layers those are, and which are not turned, where the file says it itself. */
  readonly localLayers?: readonly boolean[]
  readonly unturned?: readonly boolean[]
}

/** The shape that the decoder is built from. */
export function makeShape(architecture: Architecture, told: ToldShape): DecoderShape {
  const { window, windowTheta, localLayers, unturned, attentionScale, ...sizes } = told
  const { unturnedEvery, windows, attentionScaleOf } = architecture
  const each = (is: (layer: number) => boolean): boolean[] =>
    Array.from({ length: sizes.layers }, (_, layer) => is(layer))
  const local =
    window === undefined
      ? undefined
      : (localLayers ??
        (windows && each((layer) => windows.wholeEvery === 0 || (layer + 1) % windows.wholeEvery !== 0)))
  const localTheta = windowTheta ?? windows?.ropeTheta
  const still =
    unturned ?? (unturnedEvery === undefined ? undefined : each((layer) => (layer + 1) % unturnedEvery === 0))
  const scale =
    attentionScale ?? (attentionScaleOf?.layers === sizes.layers ? attentionScaleOf.scale(sizes) : undefined)
  return {
    ...sizes,
    ...(still?.includes(true) ? { unturned: still } : {}),
    ...(window !== undefined && local?.includes(true)
      ? { local: { layers: local, window, ...(localTheta === undefined ? {} : { ropeTheta: localTheta }) } }
      : {}),
    ...(scale === undefined || isClose(scale, 1 / Math.sqrt(sizes.headWidth))
      ? {}
      : { attentionScale: scale }),
    ...(architecture.qkvBias ? { qkvBias: true } : {}),
    ...(architecture.queryKeyNorm ? { queryKeyNorm: true } : {}),
    ...(architecture.postNorms ? { postNorms: true } : {}),
    ...(architecture.activation.kind === 'silu' ? {} : { activation: architecture.activation.kind }),
    ...(architecture.scalesEmbeddings ? { embeddingScale: Math.sqrt(sizes.width) } : {}),
  }
}

const isClose = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * b

/**
 * Factors of RoPE as Llama 3.1 stretches its positions: long waves by `factor`, short ones not at all, those between by degrees.
 * Source: Hugging Face's `_compute_llama3_parameters`.
 */
export function llama3Factors(
  { headWidth, ropeTheta }: Pick<DecoderShape, 'headWidth' | 'ropeTheta'>,
  told: {
    readonly factor: number
    readonly lowFrequencyFactor: number
    readonly highFrequencyFactor: number
    readonly originalContext: number
  },
): number[] {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = told
  return Array.from({ length: headWidth / 2 }, (_, i) => {
    const wave = 2 * Math.PI * ropeTheta ** ((2 * i) / headWidth)
    if (wave < originalContext / high) return 1
    if (wave > originalContext / low) return factor
    const smooth = (originalContext / wave - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })
}

/** Factors that stretch all positions alike. */
export const linearFactors = ({ headWidth }: Pick<DecoderShape, 'headWidth'>, factor: number): number[] =>
  Array.from({ length: headWidth / 2 }, () => factor)
