// Knows: the sizes of a Llama-like decoder, and the variations of later architectures of that family.
// Must not know: which architecture does what (architectures/).

export interface DecoderShape {
  readonly layers: number
  /** Width of the residual stream. */
  readonly width: number
  /** Query heads. */
  readonly heads: number
  /** Key-value heads; divides `heads`. */
  readonly kvHeads: number
  /** Width of a head; even. */
  readonly headWidth: number
  /** Width of the feed-forward layer. */
  readonly feedForward: number
  readonly vocabulary: number
  /** Context length in tokens. */
  readonly context: number
  readonly ropeTheta: number
  readonly normEpsilon: number
  /** The head is the transposed embedding. */
  readonly tiedHead: boolean
  /**
   * Number of classes of a decoder that classifies at the last token, by a separate head; absent if it generates
   * tokens.
   */
  readonly classes?: number

  // The following fields are differences from Llama; absent if there is none. Training supports none of them
  // (findUntrainable).
  /**
   * Divisors of the RoPE frequencies, one per pair, above 0. `stored`: they are stored among the weights and are read
   * with them.
   */
  readonly ropeFactors?: readonly number[] | 'stored'
  /** True for each layer without RoPE. */
  readonly noRope?: readonly boolean[]
  /** Layers with sliding-window attention. */
  readonly local?: LocalAttention
  /** Factor of the attention scores; default 1 / √headWidth. */
  readonly attentionScale?: number
  /** q, k and v have biases. */
  readonly qkvBias?: boolean
  /** Every head of q and k has an RMSNorm before RoPE. */
  readonly queryKeyNorm?: boolean
  /** The outputs of attention and of the feed-forward layer each have an RMSNorm before they are added. */
  readonly postNorms?: boolean
  /** Activation of the gate; default SiLU. `gelu` is the tanh approximation. */
  readonly activation?: 'silu' | 'gelu'
  /** Factor of the embeddings. */
  readonly embeddingScale?: number
}

export interface LocalAttention {
  /** True for each layer with a window. */
  readonly layers: readonly boolean[]
  /** Tokens in the window, including the current one; 1 or more. */
  readonly window: number
  /** The base of RoPE in these layers, without factors; absent: as in all others. */
  readonly ropeTheta?: number
}

/** Window of the layers that need a separate mask at this number of positions; undefined if none does. */
export const windowWithin = ({ local }: Pick<DecoderShape, 'local'>, positions: number): number | undefined =>
  local !== undefined && local.window < positions && local.layers.includes(true) ? local.window : undefined

/** Columns of the stacked q|k|v projection. */
export const qkvWidth = ({ heads, kvHeads, headWidth }: DecoderShape): number =>
  (heads + 2 * kvHeads) * headWidth

/** What is inconsistent in a shape, as a sentence; `undefined` if nothing is. */
export function findShapeProblem(shape: DecoderShape): string | undefined {
  const { layers, width, heads, kvHeads, headWidth, feedForward, vocabulary, context } = shape
  for (const [name, size] of Object.entries({
    layers,
    width,
    heads,
    kvHeads,
    headWidth,
    feedForward,
    vocabulary,
    context,
  })) {
    if (!Number.isInteger(size) || size < 1)
      return `A decoder with ${name} = ${size} cannot be built: it must be a whole number of 1 or more.`
  }
  if (shape.classes !== undefined && (!Number.isInteger(shape.classes) || shape.classes < 1))
    return `A decoder with classes = ${shape.classes} cannot be built: it must be a whole number of 1 or more.`
  if (heads % kvHeads !== 0) return `${heads} heads cannot share ${kvHeads} key-value heads evenly.`
  if (headWidth % 2 !== 0) return `A head width of ${headWidth} is odd; rotary positions need pairs.`
  return findExtrasProblem(shape)
}

function findExtrasProblem({
  layers,
  headWidth,
  ropeTheta,
  ropeFactors,
  noRope,
  local,
  attentionScale,
  embeddingScale,
}: DecoderShape): string | undefined {
  const isPositive = (x: number | undefined): boolean => x === undefined || (Number.isFinite(x) && x > 0)
  if (Array.isArray(ropeFactors) && (ropeFactors.length !== headWidth / 2 || !ropeFactors.every(isPositive)))
    return `It has ${ropeFactors.length} RoPE factors; ${headWidth / 2} numbers above 0 are needed.`
  for (const [what, list] of [
    ['layers without RoPE', noRope],
    ['layers with a window', local?.layers],
  ] as const) {
    if (list !== undefined && list.length !== layers)
      return `The list of ${what} has ${list.length} entries for ${layers} layers.`
  }
  if (local !== undefined && (!Number.isInteger(local.window) || local.window < 1))
    return `A window of ${local.window} tokens is not possible: it must be a whole number of 1 or more.`
  for (const [what, number] of Object.entries({
    ropeTheta,
    attentionScale,
    embeddingScale,
    localRopeTheta: local?.ropeTheta,
  }))
    if (!isPositive(number)) return `A decoder with ${what} = ${number} cannot be built: it must be above 0.`
  return undefined
}

/** Features of this shape that training does not support, as a phrase after "it has …"; undefined if there is none. */
export function findUntrainable(shape: DecoderShape): string | undefined {
  const extras: Readonly<Record<string, boolean>> = {
    'a head that is not tied to its embedding': !shape.tiedHead,
    'scaled RoPE': shape.ropeFactors !== undefined,
    'layers without RoPE': shape.noRope?.includes(true) ?? false,
    'layers with a sliding window': shape.local?.layers.includes(true) ?? false,
    'a different attention scale': shape.attentionScale !== undefined,
    biases: shape.qkvBias === true,
    'norms of queries and keys': shape.queryKeyNorm === true,
    'norms after attention and feed-forward layers': shape.postNorms === true,
    'a different activation': shape.activation === 'gelu',
    'scaled embeddings': shape.embeddingScale !== undefined,
  }
  const has = Object.keys(extras).filter((extra) => extras[extra])
  return has.length === 0 ? undefined : new Intl.ListFormat('en', { type: 'conjunction' }).format(has)
}

/**
 * Tables of RoPE: cos and sin of position / (factor · theta^(2i / headWidth)), each [positions, headWidth / 2]. Source:
 * Su et al. 2021. Throws a RangeError if the factors were not read yet.
 */
export function ropeTables(
  { headWidth, ropeTheta, ropeFactors }: Pick<DecoderShape, 'headWidth' | 'ropeTheta' | 'ropeFactors'>,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  if (ropeFactors === 'stored')
    throw new RangeError(
      'The RoPE factors are stored among the weights: use the shape that was read with these.',
    )
  const half = headWidth / 2
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position / (ropeTheta ** ((2 * i) / headWidth) * (ropeFactors?.[i] ?? 1))
      cos[position * half + i] = Math.cos(angle)
      sin[position * half + i] = Math.sin(angle)
    }
  }
  return { cos, sin }
}
