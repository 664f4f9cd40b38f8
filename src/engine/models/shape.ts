// Knows: the sizes of a Llama-like decoder.

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
}

/** Columns of the stacked q|k|v projection. */
export const qkvWidth = ({ heads, kvHeads, headWidth }: DecoderShape): number => (heads + 2 * kvHeads) * headWidth

/** What does not fit together in a shape, as a sentence; `undefined` where all does. */
export function faultOfShape(shape: DecoderShape): string | undefined {
  const { layers, width, heads, kvHeads, headWidth, feedForward, vocabulary, context } = shape
  for (const [name, size] of Object.entries({ layers, width, heads, kvHeads, headWidth, feedForward, vocabulary, context })) {
    if (!Number.isInteger(size) || size < 1) return `A decoder with ${name} = ${size} cannot be built: it must be a whole number of 1 or more.`
  }
  if (shape.classes !== undefined && (!Number.isInteger(shape.classes) || shape.classes < 1)) return `A decoder with classes = ${shape.classes} cannot be built: it must be a whole number of 1 or more.`
  if (heads % kvHeads !== 0) return `${heads} heads cannot share ${kvHeads} key-value heads evenly.`
  if (headWidth % 2 !== 0) return `A head width of ${headWidth} is odd; rotary positions need pairs.`
  return undefined
}

/** Tables of RoPE: cos and sin of position / theta^(2i / headWidth), each [positions, headWidth / 2]. Source: Su et al. 2021. */
export function ropeTables(shape: Pick<DecoderShape, 'headWidth' | 'ropeTheta'>, positions: number): { cos: Float32Array; sin: Float32Array } {
  const half = shape.headWidth / 2
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position / shape.ropeTheta ** ((2 * i) / shape.headWidth)
      cos[position * half + i] = Math.cos(angle)
      sin[position * half + i] = Math.sin(angle)
    }
  }
  return { cos, sin }
}
