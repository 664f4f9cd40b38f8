// Knows: attention of new tokens over what came before, in the two forms that the backends want.
//   host:   the past lies in JavaScript's memory; the graph gives only the new keys and values, which are written in place.
//   device: the past lies on the GPU; the graph writes the new keys and values into it and gives it back whole.
// Before a row's own past stands a shared one (a prompt's common beginning), held once for all rows.
// Must not know: which rows there are and how far each has come (generation/).
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
 * Makes the attention of every layer. Inputs that it adds to the graph:
 * `positions` int64 [B, S]; `mask` f32 [B, 1, S, T], 0 or very negative, over shared, own past and new tokens in this order;
 * `window_mask` of the same form for layers with a window, where positions go beyond it;
 * `shared_end` int64 [1], the length Q of the shared past;
 * host: `own_end` int64 [1] = Q + P, and per layer
 *   shared keys [1, kvHeads, headWidth, Q], shared values [1, kvHeads, Q, headWidth], own the same with B rows and length P;
 *   outputs: new keys [B, kvHeads, headWidth, S] (turned), new values [B, kvHeads, S, headWidth];
 * device: `places` int64 [B · kvHeads · S, 3] (row, head, place of each new token in the own past), and per layer
 *   shared keys and values [1, kvHeads, Q, headWidth], own [B, kvHeads, P, headWidth]; outputs: the own ones, written.
 *   There the new tokens are part of the own past, so the mask covers Q + P.
 * `positionCount` bounds the tables of RoPE. `headNorm` gives the weights [headWidth] of the norms of queries and keys.
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
  const turn = makeTurn(g, shape, positions, positionCount, scale)
  const normed = (x: Value, layer: number, which: 'query' | 'key'): Value =>
    shape.queryKeyNorm === true
      ? simplifiedLayerNormalization(g, x, headNorm(layer, which), shape.normEpsilon)
      : x

  /** q|k|v apart and turned by position: queries folded [B, kvHeads, shared · S, headWidth], keys and values [B, kvHeads, S, headWidth]. */
  const prepare = (qkv: Value, layer: number): { q: Value; k: Value; v: Value } => {
    const byHead = transpose(g, reshape(g, qkv, ['B', 'S', heads + 2 * kvHeads, headWidth]), [0, 2, 1, 3])
    const [q, k, v] = split(g, byHead, [heads, kvHeads, kvHeads], 1) as [Value, Value, Value]
    const turned = turn(normed(q, layer, 'query'), normed(k, layer, 'key'), layer)
    return { q: reshape(g, turned.q, ['B', kvHeads, -1, headWidth]), k: turned.k, v }
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
      const turnedKeys = transposeLast(g, k)
      const scores = concat(g, [matMul(g, q, sharedKeys), matMul(g, q, ownKeys), matMul(g, q, turnedKeys)], 3)
      const weights = softmax(g, add(g, scores, maskOf(layer)), -1)
      const sharedPart = matMul(g, slice(g, weights, 0, sharedEnd, 3), sharedValues)
      const ownPart = matMul(g, slice(g, weights, sharedEnd, ownEnd, 3), ownValues)
      const newPart = matMul(g, slice(g, weights, ownEnd, TO_END, 3), v)
      g.output(names.newKeys, turnedKeys)
      g.output(names.newValues, v)
      return finish(add(g, add(g, sharedPart, ownPart), newPart))
    }
  }
  const places = g.input('places', 'i64', ['N', 3])
  return (qkv, layer) => {
    const names = cacheNames(layer)
    const sharedKeys = g.input(names.sharedKeys, 'f32', [1, kvHeads, 'Q', headWidth])
    const sharedValues = g.input(names.sharedValues, 'f32', [1, kvHeads, 'Q', headWidth])
    const ownKeys = g.input(names.ownKeys, 'f32', ['B', kvHeads, 'P', headWidth])
    const ownValues = g.input(names.ownValues, 'f32', ['B', kvHeads, 'P', headWidth])
    const { q, k, v } = prepare(qkv, layer)
    const write = (past: Value, fresh: Value): Value =>
      scatterNd(g, past, places, g.assume(reshape(g, fresh, [-1, headWidth]), ['N', headWidth]))
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

/** How a layer's queries and keys [B, heads, S, headWidth] are turned by position; queries are scaled too. */
function makeTurn(
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
    // The scale of the scores lies in the tables of the queries.
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
  const { headWidth, local, unturned } = shape
  const everywhere = open('', shape)
  const inWindow =
    local?.ropeTheta === undefined ? everywhere : open('_local', { headWidth, ropeTheta: local.ropeTheta })
  return (q, k, layer) => {
    if (unturned?.[layer] === true) return { q: mul(g, q, g.scalar(scale)), k }
    const { cosK, sinK, cosQ, sinQ } = local?.layers[layer] === true ? inWindow : everywhere
    return {
      q: rotaryEmbedding(g, q, positions, cosQ, sinQ),
      k: rotaryEmbedding(g, k, positions, cosK, sinK),
    }
  }
}
