// Knows: the decoder as a model for generation: embedded tokens and the KV cache in, logits of chosen positions and the
// new cache out.
import { Graph, type OnnxModel, type Value } from '../graph/graph.ts'
import { add, gather, reshape } from '../graph/ops/index.ts'
import type { LoadedWeights } from './decoder-weights.ts'
import { cacheNames, makeCachedAttention, type CacheKind } from './cached-attention.ts'
import { buildDecoder } from './decoder.ts'
import { qkvWidth } from './shape.ts'
import { applyLinear } from './weight-nodes.ts'

/**
 * Inputs: `x` f32 [B, S, width] (rows of the embedding, looked up by the host), `chosen` int64 [R] (indices into B · S
 * of the positions that need logits) and those of `makeCachedAttention`. Outputs: `logits` f32 [R, vocabulary],
 * `hidden` f32 [R, width] (after the final norm, before the head) and the new cache.
 */
export function buildCachedDecoder(
  weights: LoadedWeights,
  kind: CacheKind,
  positionCount: number,
): OnnxModel {
  const { shape } = weights
  const g = new Graph()
  const x = g.input('x', 'f32', ['B', 'S', shape.width])
  const attend = makeCachedAttention(g, shape, kind, positionCount, (layer, which) =>
    g.weight(`${which}_norm_${layer}`, 'f32', [shape.headWidth], weights.norm(layer, which)),
  )
  const hidden = buildDecoder(g, shape, x, {
    linear: (input, layer, name) => {
      const product = applyLinear(g, input, weights.linear(layer, name), `${name}_${layer}`)
      return name === 'qkv' && shape.qkvBias === true ? add(g, product, biasOf(g, weights, layer)) : product
    },
    normWeight: (layer, name) =>
      g.weight(`${name}_norm_${layer}`, 'f32', [shape.width], weights.norm(layer, name)),
    attend,
  })
  // The head is the largest product of all: only the chosen positions pay for it.
  const chosen = g.input('chosen', 'i64', ['R'])
  const picked = gather(g, reshape(g, hidden, [-1, shape.width]), chosen, 0)
  g.output('hidden', picked)
  g.output('logits', applyLinear(g, picked, weights.head, 'head'))
  return g.finish()
}

function biasOf(g: Graph, { shape, qkvBias }: LoadedWeights, layer: number): Value {
  if (qkvBias === undefined)
    throw new RangeError('The weights have no biases, but their shape requires them.')
  return g.weight(`qkv_bias_${layer}`, 'f32', [qkvWidth(shape)], qkvBias(layer))
}

/** The names of the new cache: on a GPU it stays there between runs. */
export const deviceOutputs = (layers: number): string[] =>
  Array.from({ length: layers }, (_, layer) => [
    cacheNames(layer).newKeys,
    cacheNames(layer).newValues,
  ]).flat()
