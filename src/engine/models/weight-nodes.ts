// Knows: how a loaded matrix becomes nodes: a plain product, or packed bits with their correction.
import type { Graph, Value } from '../graph/graph.ts'
import { add, matMul, matMulNBits, reduceSum, reshape } from '../graph/ops/index.ts'
import type { LinearWeight } from './decoder-weights.ts'

const BLOCK = 32

/** x [.., K] times a loaded matrix: [.., N]. `name` names its virtual files. */
export function applyLinear(g: Graph, x: Value, weight: LinearWeight, name: string): Value {
  const { K, N } = weight
  if (weight.kind === 'f32') return matMul(g, x, g.weight(name, 'f32', [K, N], weight.data))
  const blocks = K / BLOCK
  const bytes = weight.kind === 'nb4s' ? BLOCK / 2 : BLOCK
  const packed = g.weight(name, 'u8', [N, blocks, bytes], weight.b)
  const scales = g.weight(`${name}.scales`, 'f32', [N, blocks], weight.scales)
  if (weight.kind === 'nb8') return matMulNBits(g, x, packed, scales, null, { K, N, bits: 8 })
  // Integer zero points only: float ones have no kernel on the GPU. The correction adds what they round away.
  const zeroPoints = g.weight(`${name}.zeros`, 'u8', [N, Math.ceil(blocks / 2)], weight.zeroPoints)
  const product = matMulNBits(g, x, packed, scales, zeroPoints, { K, N, bits: 4 })
  if (weight.correction === undefined) return product
  const inBlocks = reshape(g, x, [...x.shape.slice(0, -1), blocks, BLOCK])
  const sums = reduceSum(g, inBlocks, [-1], false)
  return add(
    g,
    product,
    matMul(g, sums, g.weight(`${name}.correction`, 'f32', [blocks, N], weight.correction)),
  )
}
