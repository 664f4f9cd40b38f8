// Knows: MatMulNBits (com.microsoft), a product with weights of 4 or 8 bits in blocks of 32.
import type { Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'
import { needFloat } from '../rules.ts'

export const matMulNBitsOp = defineOp({
  type: 'MatMulNBits',
  domain: 'com.microsoft',
  infer: (inference) => {
    const [x, b] = [inference.need(0), inference.need(1)]
    needFloat(inference, x)
    const [K, N] = [intAttribute(inference.attributes, 'K', 0), intAttribute(inference.attributes, 'N', 0)]
    if (x.shape.at(-1) !== K && typeof x.shape.at(-1) === 'number')
      inference.refuse(`its last axis must be K = ${K}.`)
    if (b.dtype !== 'u8' || b.shape[0] !== N)
      inference.refuse(`the packed weights must be u8 with N = ${N} rows.`)
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), N as Dim] }]
  },
  gradient: { none: 'packed weights have no transposed product; dequantise them first' },
})

/**
 * x [.., K] times the transpose of packed weights: [.., N].
 * `b` u8 [N, K/32, 16 or 32]; `scales` f32 [N, K/32] or flat; `zeroPoints` u8, packed two per byte for 4 bits; if
 * absent, 8 (4 bits) or 128 (8 bits).
 */
export function matMulNBits(
  g: Graph,
  x: Value,
  b: Value,
  scales: Value,
  zeroPoints: Value | null,
  sizes: { K: number; N: number; bits: 4 | 8; accuracyLevel?: number },
): Value {
  const { K, N, bits, accuracyLevel = 0 } = sizes
  return g.apply1(matMulNBitsOp, zeroPoints ? [x, b, scales, zeroPoints] : [x, b, scales], {
    K,
    N,
    bits,
    block_size: 32,
    accuracy_level: accuracyLevel,
  })
}
