// Knows: attention of new tokens over a KV cache, in the two forms that the backends need.
//   host:   the cache is in JavaScript's memory; the graph returns only the new keys and values, which are then written
//           in place.
//   device: the cache is on the GPU; the graph writes the new keys and values into it and returns it whole.
// A row's own cache follows a shared one (the shared prefix of the prompts), which is stored once for all rows.
// Must not know: which rows there are and the length of each (generation/).
import type { Graph, Value } from '../graph/graph.ts'
import {
  add,
  concat,
  matMul,
  mul,
  reshape,
  rotaryEmbedding,
  scatterNd,
  simplifiedLayerNormalization,
  slice,
  softmax,
  split,
  TO_END,
  transpose,
  transposeLast,
} from '../graph/ops/index.ts'
import { ropeTables, windowWithin, type DecoderShape } from './shape.ts'

export type CacheKind = 'host' | 'device'

/** Names of a layer's tensors, as inputs and outputs of the model. */
export const cacheNames = (layer: number) =>
  ({
    ownKeys: `own_keys_${layer}`,
    ownValues: `own_values_${layer}`,
    sharedKeys: `shared_keys_${layer}`,
    sharedValues: `shared_values_${layer}`,
    newKeys: `new_keys_${layer}`,
    newValues: `new_values_${layer}`,
  }) as const

/**
 * Creates the attention of every layer. Inputs that it adds to the graph:
 * - `positions` int64 [B, S];
 * - `mask` f32 [B, 1, S, T], 0 or very negative, over the shared cache, the own cache and the new tokens, in this order;
 * - `window_mask` of the same form for layers with a sliding window, if there are more positions than the window;
 * - `shared_end` int64 [1], the length Q of the shared cache;
 * - host: `own_end` int64 [1] = Q + P, and per layer shared keys [1, kvHeads, headWidth, Q], shared values
 *   [1, kvHeads, Q, headWidth], own ones the same with B rows and length P;
 *   outputs: new keys [B, kvHeads, headWidth, S] (transposed), new values [B, kvHeads, S, headWidth];
 * - device: `scatter_indices` int64 [B · kvHeads · S, 3] (row, head, position of each new token in the own cache), and
 *   per layer shared keys and values [1, kvHeads, Q, headWidth], own [B, kvHeads, P, headWidth];
 *   outputs: the own ones with the new tokens. These are part of the own cache there, so the mask covers Q + P.
 *
 * `positionCount` is the length of the RoPE tables. `headNorm` returns the weights [headWidth] of the norms of queries
 * and keys.
 */
export function makeCachedAttention(
  g: Graph,
  shape: DecoderShape,
  kind: CacheKind,
  positionCount: number,
  headNorm: (layer: number, which: 'query' | 'key') => Value,
): (qkv: Value, layer: number) => Value {
  const { heads, kvHeads, headWidth, local } = shape
  const shared = heads / kvHeads
  const positions = g.input('positions', 'i64', ['B', 'S'])
  // Query heads that share keys are folded into the query axis, so each sees the mask once.
  const openMask = (name: string): Value => {
    const one = g.input(name, 'f32', ['B', 1, 'S', 'T'])
    return shared === 1
      ? one
      : concat(
          g,
          Array.from({ length: shared }, () => one),
          2,
        )
  }
  const mask = openMask('mask')
  const windowMask = windowWithin(shape, positionCount) === undefined ? mask : openMask('window_mask')
  const maskOf = (layer: number): Value => (local?.layers[layer] === true ? windowMask : mask)
  const scale = shape.attentionScale ?? 1 / Math.sqrt(headWidth)
  const rotate = makeRotation(g, shape, positions, positionCount, scale)
  const normed = (x: Value, layer: number, which: 'query' | 'key'): Value =>
    shape.queryKeyNorm === true
      ? simplifiedLayerNormalization(g, x, headNorm(layer, which), shape.normEpsilon)
      : x

  /**
   * q|k|v split and rotated by position: queries folded [B, kvHeads, shared · S, headWidth], keys and values [B,
   * kvHeads, S, headWidth].
   */
  const prepare = (qkv: Value, layer: number): { q: Value; k: Value; v: Value } => {
    const byHead = transpose(g, reshape(g, qkv, ['B', 'S', heads + 2 * kvHeads, headWidth]), [0, 2, 1, 3])
    const [q, k, v] = split(g, byHead, [heads, kvHeads, kvHeads], 1) as [Value, Value, Value]
    const rotated = rotate(normed(q, layer, 'query'), normed(k, layer, 'key'), layer)
    return { q: reshape(g, rotated.q, ['B', kvHeads, -1, headWidth]), k: rotated.k, v }
  }
  const finish = (context: Value): Value => {
    const unfolded = g.assume(reshape(g, context, ['B', heads, -1, headWidth]), ['B', heads, 'S', headWidth])
    return reshape(g, transpose(g, unfolded, [0, 2, 1, 3]), ['B', 'S', heads * headWidth])
  }

  const sharedEnd = g.input('shared_end', 'i64', [1])
  if (kind === 'host') {
    const ownEnd = g.input('own_end', 'i64', [1])
    return (qkv, layer) => {
      const names = cacheNames(layer)
      const sharedKeys = g.input(names.sharedKeys, 'f32', [1, kvHeads, headWidth, 'Q'])
      const sharedValues = g.input(names.sharedValues, 'f32', [1, kvHeads, 'Q', headWidth])
      const ownKeys = g.input(names.ownKeys, 'f32', ['B', kvHeads, headWidth, 'P'])
      const ownValues = g.input(names.ownValues, 'f32', ['B', kvHeads, 'P', headWidth])
      const { q, k, v } = prepare(qkv, layer)
      const transposedKeys = transposeLast(g, k)
      const scores = concat(
        g,
        [matMul(g, q, sharedKeys), matMul(g, q, ownKeys), matMul(g, q, transposedKeys)],
        3,
      )
      const weights = softmax(g, add(g, scores, maskOf(layer)), -1)
      const sharedPart = matMul(g, slice(g, weights, 0, sharedEnd, 3), sharedValues)
      const ownPart = matMul(g, slice(g, weights, sharedEnd, ownEnd, 3), ownValues)
      const newPart = matMul(g, slice(g, weights, ownEnd, TO_END, 3), v)
      g.output(names.newKeys, transposedKeys)
      g.output(names.newValues, v)
      return finish(add(g, add(g, sharedPart, ownPart), newPart))
    }
  }
  const scatterIndices = g.input('scatter_indices', 'i64', ['N', 3])
  return (qkv, layer) => {
    const names = cacheNames(layer)
    const sharedKeys = g.input(names.sharedKeys, 'f32', [1, kvHeads, 'Q', headWidth])
    const sharedValues = g.input(names.sharedValues, 'f32', [1, kvHeads, 'Q', headWidth])
    const ownKeys = g.input(names.ownKeys, 'f32', ['B', kvHeads, 'P', headWidth])
    const ownValues = g.input(names.ownValues, 'f32', ['B', kvHeads, 'P', headWidth])
    const { q, k, v } = prepare(qkv, layer)
    const write = (past: Value, fresh: Value): Value =>
      scatterNd(g, past, scatterIndices, g.assume(reshape(g, fresh, [-1, headWidth]), ['N', headWidth]))
    const keys = write(ownKeys, k)
    const values = write(ownValues, v)
    const scores = concat(
      g,
      [matMul(g, q, transposeLast(g, sharedKeys)), matMul(g, q, transposeLast(g, keys))],
      3,
    )
    const weights = softmax(g, add(g, scores, maskOf(layer)), -1)
    const context = add(
      g,
      matMul(g, slice(g, weights, 0, sharedEnd, 3), sharedValues),
      matMul(g, slice(g, weights, sharedEnd, TO_END, 3), values),
    )
    g.output(names.newKeys, keys)
    g.output(names.newValues, values)
    return finish(context)
  }
}

/** The rotation of a layer's queries and keys [B, heads, S, headWidth] by position; queries are also scaled. */
function makeRotation(
  g: Graph,
  shape: DecoderShape,
  positions: Value,
  positionCount: number,
  scale: number,
): (q: Value, k: Value, layer: number) => { q: Value; k: Value } {
  const open = (
    suffix: string,
    of: Pick<DecoderShape, 'headWidth' | 'ropeTheta' | 'ropeFactors'>,
  ): Record<'cosK' | 'sinK' | 'cosQ' | 'sinQ', Value> => {
    const { cos, sin } = ropeTables(of, positionCount)
    // The scale of the scores is part of the tables of the queries.
    const table = (name: string, data: Float32Array, factor: number): Value =>
      g.weight(
        name + suffix,
        'f32',
        [positionCount, shape.headWidth / 2],
        factor === 1 ? data : data.map((x) => x * factor),
      )
    return {
      cosK: table('cos', cos, 1),
      sinK: table('sin', sin, 1),
      cosQ: table('cos_scaled', cos, scale),
      sinQ: table('sin_scaled', sin, scale),
    }
  }
  const { headWidth, local, noRope } = shape
  const everywhere = open('', shape)
  const inWindow =
    local?.ropeTheta === undefined ? everywhere : open('_local', { headWidth, ropeTheta: local.ropeTheta })
  return (q, k, layer) => {
    if (noRope?.[layer] === true) return { q: mul(g, q, g.scalar(scale)), k }
    const { cosK, sinK, cosQ, sinQ } = local?.layers[layer] === true ? inWindow : everywhere
    return {
      q: rotaryEmbedding(g, q, positions, cosQ, sinQ),
      k: rotaryEmbedding(g, k, positions, cosK, sinK),
    }
  }
}
