// Knows: causal attention over whole rows without a KV cache, with a gradient rule that saves a pass over the
// probabilities.
import { elementsOf } from '../graph/dims.ts'
import type { Graph, Value } from '../graph/graph.ts'
import type { CompositeDefinition } from '../graph/op.ts'
import {
  add,
  concat,
  matMul,
  mul,
  reduceSum,
  reshape,
  rotaryEmbedding,
  slice,
  softmax,
  split,
  sub,
  transpose,
  transposeLast,
} from '../graph/ops/index.ts'
import { ropeTables, type DecoderShape } from '../models/shape.ts'

/** Far below every score, and finite: a fully masked row would otherwise give NaN. */
export const MASKED = -1e9

const coreRule: CompositeDefinition = {
  name: 'attention',
  build: (g, [q, k, v, mask]) => {
    if (!q || !k || !v || !mask) throw new TypeError('attention takes queries, keys, values and a mask')
    const weights = softmax(g, add(g, matMul(g, q, transposeLast(g, k)), mask))
    const out = matMul(g, weights, v)
    return { outputs: [out], saved: [weights, out] }
  },
  // The softmax's Σ over keys of dP · P is the row sum of dO · O (Dao et al. 2022), which is [rows, width], not [rows,
  // keys].
  gradient: (g, { inputs: [q, k, v], saved: [weights, out] }, [dOut]) => {
    if (!q || !k || !v || !weights || !out || !dOut) return [null, null, null, null]
    const dScores = mul(
      g,
      weights,
      sub(g, matMul(g, dOut, transposeLast(g, v)), reduceSum(g, mul(g, dOut, out), [-1])),
    )
    return [
      matMul(g, dScores, k),
      matMul(g, transposeLast(g, dScores), q),
      matMul(g, transposeLast(g, weights), dOut),
      null,
    ]
  },
}

/**
 * Positions per block of queries: each block is multiplied with the positions before it and in it, not with later ones.
 */
const BLOCK = 64
/** More blocks than this cost more in nodes than they save. */
const MAX_BLOCKS = 4

/** Sizes of the blocks of a row, nearly equal. */
function blockSizes(length: number): number[] {
  const blocks = Math.max(1, Math.min(MAX_BLOCKS, Math.floor(length / BLOCK)))
  const endOf = (block: number): number => Math.floor((length * block) / blocks)
  return Array.from({ length: blocks }, (_, block) => endOf(block + 1) - endOf(block))
}

/**
 * Mask of a block's queries over the positions up to its end: f32 [rows or 1, 1, shared · size, end], added to the
 * scores.
 */
function maskBlock(g: Graph, size: number, end: number, shared: number, mask: Value | undefined): Value {
  const from = end - size
  if (mask) {
    const block = slice(g, slice(g, mask, from, end, 2), 0, end, 3)
    return concat(
      g,
      Array.from({ length: shared }, () => block),
      2,
    )
  }
  const shape = [1, 1, shared * size, end]
  return g.constant(
    'f32',
    shape,
    Float32Array.from({ length: elementsOf(shape) }, (_, i) =>
      i % end <= from + (Math.floor(i / end) % size) ? 0 : MASKED,
    ),
  )
}

/**
 * Attention of q|k|v [rows · length, (heads + 2 kvHeads) · headWidth] within each row: [rows · length, heads ·
 * headWidth]. A position attends to itself and to earlier ones; padding is at the end of a row, and no position that
 * counts attends to it. `mask` f32 [rows, 1, length, length], 0 or very negative, restricts this further: it separates
 * the texts of a packed row. Rotary positions run through a packed row: only differences matter to RoPE.
 * Heads that share keys are folded into the query axis. The RoPE tables of the queries include the factor 1 /
 * √headWidth.
 */
export function makeAttention(
  g: Graph,
  shape: DecoderShape,
  rows: number,
  length: number,
  mask?: Value,
): (qkv: Value) => Value {
  const { heads, kvHeads, headWidth } = shape
  const shared = heads / kvHeads
  const { cos, sin } = ropeTables(shape, length)
  const scale = 1 / Math.sqrt(headWidth)
  const table = (data: Float32Array, factor: number): Value =>
    g.constant(
      'f32',
      [length, headWidth / 2],
      data.map((x) => x * factor),
    )
  const [cosK, sinK, cosQ, sinQ] = [table(cos, 1), table(sin, 1), table(cos, scale), table(sin, scale)]
  const start = g.integers([0])
  const sizes = blockSizes(length)
  const masks = sizes.map((size, block) =>
    maskBlock(
      g,
      size,
      sizes.slice(0, block + 1).reduce((a, b) => a + b),
      shared,
      mask,
    ),
  )
  /** For each block, the part of x before and in it, along axis 2. */
  const upTo = (x: Value): Value[] => {
    const parts = split(g, x, sizes, 2)
    return parts.map((part, block) => (block === 0 ? part : concat(g, parts.slice(0, block + 1), 2)))
  }
  return (qkv) => {
    const byHead = transpose(g, reshape(g, qkv, [rows, length, heads + 2 * kvHeads, headWidth]), [0, 2, 1, 3])
    const [q, k, v] = split(g, byHead, [heads, kvHeads, kvHeads], 1) as [Value, Value, Value]
    const [keys, values] = [upTo(rotaryEmbedding(g, k, start, cosK, sinK)), upTo(v)]
    const outs = split(g, rotaryEmbedding(g, q, start, cosQ, sinQ), sizes, 2).map((queries, block) => {
      const size = sizes[block] ?? 0
      const folded = reshape(g, queries, [rows, kvHeads, shared * size, headWidth])
      const out = g.composite(coreRule, [
        folded,
        keys[block] as Value,
        values[block] as Value,
        masks[block] as Value,
      ])[0] as Value
      return reshape(g, out, [rows, heads, size, headWidth])
    })
    const out = outs.length === 1 ? (outs[0] as Value) : concat(g, outs, 2)
    return reshape(g, transpose(g, out, [0, 2, 1, 3]), [rows * length, heads * headWidth])
  }
}
