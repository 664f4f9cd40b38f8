// Knows: the sizes of a Llama-like decoder, and what later architectures of that family do otherwise.
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
  /** Tokens it can attend to. */
  readonly context: number
  readonly ropeTheta: number
  readonly normEpsilon: number
  /** The head is the transposed embedding. */
  readonly tiedHead: boolean
  /** Classes of a decoder that answers with one of a few, at the last token it reads, by a head of their own; absent where it writes tokens. */
  readonly classes?: number

  // What follows is what later architectures do otherwise than Llama; absent where they do not. Training has none of it (faultOfTraining).
  /** Numbers that the frequencies of RoPE are divided by, one for each pair, above 0. `stored`: they lie among the weights and come with them. */
  readonly ropeFactors?: readonly number[] | 'stored'
  /** True for each layer whose queries and keys are not turned by position. */
  readonly unturned?: readonly boolean[]
  /** Layers that see the last tokens only. */
  readonly local?: LocalAttention
  /** What a product of query and key is multiplied with; default 1 / √headWidth. */
  readonly attentionScale?: number
  /** q, k and v have biases. */
  readonly qkvBias?: boolean
  /** Every head of q and k has an RMSNorm before it is turned. */
  readonly queryKeyNorm?: boolean
  /** What attention and the feed-forward layer give goes through an RMSNorm of its own before it is added. */
  readonly postNorms?: boolean
  /** Of the gate; default SiLU. `gelu` is the one by tanh. */
  readonly activation?: 'silu' | 'gelu'
  /** What embeddings are multiplied with where they enter. */
  readonly embeddingScale?: number
}

export interface LocalAttention {
  /** True for each such layer. */
  readonly layers: readonly boolean[]
  /** Tokens that it sees, itself included; at least 1. */
  readonly window: number
  /** The base of RoPE in these layers, without factors; absent: they turn as all others do. */
  readonly ropeTheta?: number
}

/** Window of the layers that need a mask of their own among so many positions; undefined where none does. */
export const windowWithin = ({ local }: Pick<DecoderShape, 'local'>, positions: number): number | undefined =>
  local !== undefined && local.window < positions && local.layers.includes(true) ? local.window : undefined

/** Columns of the stacked q|k|v projection. */
export const qkvWidth = ({ heads, kvHeads, headWidth }: DecoderShape): number =>
  (heads + 2 * kvHeads) * headWidth

/** What does not fit together in a shape, as a sentence; `undefined` where all does. */
export function faultOfShape(shape: DecoderShape): string | undefined {
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
  return faultOfExtras(shape)
}

function faultOfExtras({
  layers,
  headWidth,
  ropeTheta,
  ropeFactors,
  unturned,
  local,
  attentionScale,
  embeddingScale,
}: DecoderShape): string | undefined {
  const isPositive = (x: number | undefined): boolean => x === undefined || (Number.isFinite(x) && x > 0)
  if (Array.isArray(ropeFactors) && (ropeFactors.length !== headWidth / 2 || !ropeFactors.every(isPositive)))
    return `Its positions are stretched by ${ropeFactors.length} factors; ${headWidth / 2} numbers above 0 are needed.`
  for (const [what, list] of [
    ['layers without RoPE', unturned],
    ['layers with a window', local?.layers],
  ] as const) {
    if (list !== undefined && list.length !== layers)
      return `A list of ${what} names ${list.length} layers of ${layers}.`
  }
  if (local !== undefined && (!Number.isInteger(local.window) || local.window < 1))
    return `A window of ${local.window} tokens cannot be: it must be a whole number of 1 or more.`
  for (const [what, number] of Object.entries({
    ropeTheta,
    attentionScale,
    embeddingScale,
    localRopeTheta: local?.ropeTheta,
  }))
    if (!isPositive(number)) return `A decoder with ${what} = ${number} cannot be built: it must be above 0.`
  return undefined
}

/** What training cannot do with a decoder of this shape, as words for "it has …"; undefined where it can all. */
export function faultOfTraining(shape: DecoderShape): string | undefined {
  const extras: Readonly<Record<string, boolean>> = {
    'a head of its own beside its embedding': !shape.tiedHead,
    'stretched positions': shape.ropeFactors !== undefined,
    'layers without positions': shape.unturned?.includes(true) ?? false,
    'layers that see a window only': shape.local?.layers.includes(true) ?? false,
    'a scale of its own in attention': shape.attentionScale !== undefined,
    biases: shape.qkvBias === true,
    'norms of queries and keys': shape.queryKeyNorm === true,
    'norms after attention and feed-forward layers': shape.postNorms === true,
    'another activation': shape.activation === 'gelu',
    'scaled embeddings': shape.embeddingScale !== undefined,
  }
  const has = Object.keys(extras).filter((extra) => extras[extra])
  return has.length === 0 ? undefined : new Intl.ListFormat('en', { type: 'conjunction' }).format(has)
}

/**
 * Tables of RoPE: cos and sin of position / (factor · theta^(2i / headWidth)), each [positions, headWidth / 2]. Source: Su et al. 2021.
 * Throws a RangeError where the factors were not read yet.
 */
export function ropeTables(
  { headWidth, ropeTheta, ropeFactors }: Pick<DecoderShape, 'headWidth' | 'ropeTheta' | 'ropeFactors'>,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  if (ropeFactors === 'stored')
    throw new RangeError('The factors of RoPE lie among the weights: take the shape that comes with these.')
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
