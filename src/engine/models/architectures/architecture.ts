// Knows: the description of an architecture: its differences from Llama, and how its files store them.
// Must not know: any particular architecture, files.
import type { DecoderShape } from '../shape.ts'

/** One file per architecture in this folder; the index lists them. */
export interface Architecture {
  /** `general.architecture` of GGUF files, and the prefix of its keys. */
  readonly name: string
  /** `model_type` in the config.json of Hugging Face. */
  readonly modelTypes: readonly string[]
  /**
   * In GGUF files, rows of q and k that rotate together are neighbours (2i, 2i + 1) and not half a head apart:
   * llama.cpp's converter does so for Llama and its derivatives.
   */
  readonly pairsRows: boolean
  /** GGUF files may have RoPE factors as `rope_freqs.weight`. */
  readonly storesRopeFactors?: boolean
  readonly qkvBias?: boolean
  readonly queryKeyNorm?: boolean
  readonly postNorms?: boolean
  /** Activation of the gate, and its name in config.json. */
  readonly activation: { readonly kind: 'silu' | 'gelu'; readonly named: string }
  /**
   * Embeddings are multiplied by √width. Hugging Face rounds it to the type of its weights (34 in bfloat16 for 33.94);
   * here, as in llama.cpp, it is not rounded.
   */
  readonly scalesEmbeddings?: boolean
  /** Every n-th layer has no RoPE, if its file does not list them. */
  readonly noRopeEvery?: number
  /** Its layers with a sliding window, if it has any. */
  readonly windows?: {
    /** Every n-th layer has full attention, all others a window; 0: all layers have a window. */
    readonly wholeEvery: number
    /** Base of RoPE in layers with a window; absent: as in all others. */
    readonly ropeTheta?: number
    /** A GGUF file must state the window. */
    readonly required: boolean
    /**
     * Model types whose `sliding_window` in config.json always applies; for others it applies with
     * `use_sliding_window`.
     */
    readonly modelTypes: readonly string[]
  }
  /**
   * Attention scale of models with this number of layers, from their width and heads, if it is not 1 / √headWidth.
   * Files do not state it.
   */
  readonly attentionScaleOf?: {
    readonly layers: number
    readonly scale: (sizes: { readonly width: number; readonly heads: number }) => number
  }
  /** Norm weights in Hugging Face's files are smaller by 1 than the factor. */
  readonly normsLessOne?: boolean
  /** Defaults of config.json, by its own keys. */
  readonly defaults: Readonly<Record<string, number | boolean>>
}

/** What a model's files state in addition to its architecture. */
export interface FileShape extends Pick<
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
  /** Tokens in the window of layers that have one. */
  readonly window?: number
  /** Base of RoPE in these layers. */
  readonly windowTheta?: number
  /** Layers with a window and layers without RoPE, if the file lists them. */
  readonly localLayers?: readonly boolean[]
  readonly noRope?: readonly boolean[]
}

/** The shape that the decoder is built from. */
export function makeShape(architecture: Architecture, file: FileShape): DecoderShape {
  const { window, windowTheta, localLayers, noRope, attentionScale, ...sizes } = file
  const { noRopeEvery, windows, attentionScaleOf } = architecture
  const each = (is: (layer: number) => boolean): boolean[] =>
    Array.from({ length: sizes.layers }, (_, layer) => is(layer))
  const local =
    window === undefined
      ? undefined
      : (localLayers ??
        (windows && each((layer) => windows.wholeEvery === 0 || (layer + 1) % windows.wholeEvery !== 0)))
  const localTheta = windowTheta ?? windows?.ropeTheta
  const withoutRope =
    noRope ?? (noRopeEvery === undefined ? undefined : each((layer) => (layer + 1) % noRopeEvery === 0))
  const scale =
    attentionScale ?? (attentionScaleOf?.layers === sizes.layers ? attentionScaleOf.scale(sizes) : undefined)
  return {
    ...sizes,
    ...(withoutRope?.includes(true) ? { noRope: withoutRope } : {}),
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
 * RoPE factors of Llama 3.1: long wavelengths are stretched by `factor`, short ones not at all, those between
 * gradually.
 * Source: Hugging Face's `_compute_llama3_parameters`.
 */
export function llama3Factors(
  { headWidth, ropeTheta }: Pick<DecoderShape, 'headWidth' | 'ropeTheta'>,
  scaling: {
    readonly factor: number
    readonly lowFrequencyFactor: number
    readonly highFrequencyFactor: number
    readonly originalContext: number
  },
): number[] {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling
  return Array.from({ length: headWidth / 2 }, (_, i) => {
    const wave = 2 * Math.PI * ropeTheta ** ((2 * i) / headWidth)
    if (wave < originalContext / high) return 1
    if (wave > originalContext / low) return factor
    const smooth = (originalContext / wave - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })
}

/** Equal RoPE factors for all frequencies. */
export const linearFactors = ({ headWidth }: Pick<DecoderShape, 'headWidth'>, factor: number): number[] =>
  Array.from({ length: headWidth / 2 }, () => factor)
