// Knows: GroupQueryAttention (com.microsoft), fused attention with a KV cache. Half the prefill speed of the plain ops
// on wasm, and it refuses a batch that extends a cache by more than one token.
import { addDims, type Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'

export const groupQueryAttentionOp = defineOp({
  type: 'GroupQueryAttention',
  domain: 'com.microsoft',
  infer: (inference) => {
    const [q, k, v, pastKey, pastValue] = inference.inputs
    if (!q || !pastKey || !pastValue) return inference.refuse('it needs queries and both caches.')
    const heads = Number(inference.attributes['num_heads'])
    const width = pastKey.shape[3] as Dim
    const sequence = q.shape[1] as Dim
    const total = (past: Value): Dim[] =>
      past.shape.map((dim, axis) => (axis === 2 ? addDims([dim, sequence]) : dim))
    const packed = !k && !v
    const out = packed
      ? typeof width === 'number'
        ? heads * width
        : inference.refuse('packed queries need a known head width.')
      : (q.shape[2] as Dim)
    return [
      { dtype: q.dtype, shape: [q.shape[0] as Dim, sequence, out] },
      { dtype: q.dtype, shape: total(pastKey) },
      { dtype: q.dtype, shape: total(pastValue) },
    ]
  },
  gradient: {
    none: 'the fused op has no backward kernel; build attention from plain ops to differentiate it',
  },
})

/**
 * Attention of packed q|k|v [batch, sequence, (heads + 2 kvHeads) · width] over a KV cache [batch, kvHeads, past,
 * width]. `lengths` i32 [batch]: tokens of each row including this call's, minus one; `total` i32 []: the longest.
 */
export function groupQueryAttention(
  g: Graph,
  inputs: {
    qkv: Value
    pastKey: Value
    pastValue: Value
    lengths: Value
    total: Value
    cos: Value
    sin: Value
  },
  heads: { heads: number; kvHeads: number },
): { attended: Value; key: Value; value: Value } {
  const { qkv, pastKey, pastValue, lengths, total, cos, sin } = inputs
  const [attended, key, value] = g.apply(
    groupQueryAttentionOp,
    [qkv, null, null, pastKey, pastValue, lengths, total, cos, sin],
    { num_heads: heads.heads, kv_num_heads: heads.kvHeads, do_rotary: 1, rotary_interleaved: 0 },
  )
  return { attended: attended as Value, key: key as Value, value: value as Value }
}
