// Knows: BERT's encoder as a graph: embeddings, layers of attention in both directions, and a weighted sum over the tokens.
// Must not know: how weights are stored, tokenizers.
import { Graph, type OnnxModel, type Value } from '../graph/graph.ts'
import {
  add,
  div,
  erf,
  gather,
  matMul,
  mul,
  reduceMean,
  reshape,
  softmax,
  sqrt,
  sub,
  transpose,
} from '../graph/ops/index.ts'

export interface EncoderShape {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly feedForward: number
  readonly vocabulary: number
  /** Positions that it was trained with. */
  readonly context: number
  readonly normEpsilon: number
}

/** A matrix [K, N] as floats, and what is added to its product. */
export interface EncoderLinear {
  readonly matrix: Float32Array
  readonly bias: Float32Array
}
export interface EncoderNorm {
  readonly gain: Float32Array
  readonly bias: Float32Array
}
export type EncoderLinearName = 'query' | 'key' | 'value' | 'output' | 'up' | 'down'

export interface EncoderWeights {
  readonly shape: EncoderShape
  /** [vocabulary, width] */
  readonly words: Float32Array
  /** [context, width], with the embedding of the first segment added. */
  readonly positions: Float32Array
  readonly norm: EncoderNorm
  readonly layers: readonly {
    readonly linears: Readonly<Record<EncoderLinearName, EncoderLinear>>
    readonly attentionNorm: EncoderNorm
    readonly outputNorm: EncoderNorm
  }[]
}

/**
 * Inputs: `ids` i64 [B, S], `places` i64 [S] (0, 1, …), `mask` f32 [B, 1, 1, S] (0, or very negative for padding), `pool` f32 [B, 1, S]
 * (weights of the sum). Output: `pooled` f32 [B, 1, width]. Architecture: Devlin et al. 2018, as transformers' `BertModel` computes it.
 */
export function buildEncoder({ shape, words, positions, norm, layers }: EncoderWeights): OnnxModel {
  const { width, heads, feedForward, vocabulary, context, normEpsilon } = shape
  const g = new Graph()
  const [ids, places] = [g.input('ids', 'i64', ['batch', 'tokens']), g.input('places', 'i64', ['tokens'])]
  const mask = g.input('mask', 'f32', ['batch', 1, 1, 'tokens'])
  const pool = g.input('pool', 'f32', ['batch', 1, 'tokens'])
  const vector = (name: string, data: Float32Array): Value => g.weight(name, 'f32', [data.length], data)
  const layerNorm = (x: Value, name: string, { gain, bias }: EncoderNorm): Value => {
    const centred = sub(g, x, reduceMean(g, x, [-1]))
    const variance = reduceMean(g, mul(g, centred, centred), [-1])
    const normed = div(g, centred, sqrt(g, add(g, variance, g.scalar(normEpsilon))))
    return add(g, mul(g, normed, vector(`${name} gain`, gain)), vector(`${name} bias`, bias))
  }
  const linear = (x: Value, name: string, { matrix, bias }: EncoderLinear, from: number, to: number): Value =>
    add(g, matMul(g, x, g.weight(`${name} matrix`, 'f32', [from, to], matrix)), vector(`${name} bias`, bias))
  const gelu = (x: Value): Value =>
    mul(g, mul(g, x, g.scalar(0.5)), add(g, g.scalar(1), erf(g, mul(g, x, g.scalar(Math.SQRT1_2)))))

  let x = layerNorm(
    add(
      g,
      gather(g, g.weight('words', 'f32', [vocabulary, width], words), ids),
      gather(g, g.weight('positions', 'f32', [context, width], positions), places),
    ),
    'embedding',
    norm,
  )
  const perHead = width / heads
  layers.forEach(({ linears, attentionNorm, outputNorm }, i) => {
    const project = (name: 'query' | 'key' | 'value', order: readonly number[]): Value =>
      transpose(
        g,
        reshape(g, linear(x, `${i} ${name}`, linears[name], width, width), [
          'batch',
          'tokens',
          heads,
          perHead,
        ]),
        order,
      )
    const scores = mul(
      g,
      matMul(g, project('query', [0, 2, 1, 3]), project('key', [0, 2, 3, 1])),
      g.scalar(1 / Math.sqrt(perHead)),
    )
    const mixed = matMul(g, softmax(g, add(g, scores, mask)), project('value', [0, 2, 1, 3]))
    const attended = reshape(g, transpose(g, mixed, [0, 2, 1, 3]), ['batch', 'tokens', width])
    x = layerNorm(
      add(g, linear(attended, `${i} output`, linears.output, width, width), x),
      `${i} attention`,
      attentionNorm,
    )
    const up = gelu(linear(x, `${i} up`, linears.up, width, feedForward))
    x = layerNorm(
      add(g, linear(up, `${i} down`, linears.down, feedForward, width), x),
      `${i} feed-forward`,
      outputNorm,
    )
  })
  g.output('pooled', matMul(g, pool, x))
  return g.finish()
}
