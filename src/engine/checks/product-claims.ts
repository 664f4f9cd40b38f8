// Knows: claims that products with packed weights are those of the numbers that the bits represent. The kernel with four bits is the
// one that is known to be wrong on some graphics cards.
import { Graph } from '../graph/graph.ts'
import * as ops from '../graph/ops/index.ts'
import { onHost } from '../runtime/types.ts'
import type { Claim } from './check.ts'
import { makeNumbers, worstDifference } from './numbers.ts'

/** Columns, rows and values of a packed byte matrix; the sizes cover two blocks and a remainder of a tile. */
const [K, N, BLOCK] = [96, 70, 32]

/** Packed weights by a formula, and the numbers that they represent: [N, K]. */
function makeWeights(
  bits: 4 | 8,
  hasZeroPoints: boolean,
): {
  readonly packed: Uint8Array<ArrayBuffer>
  readonly scales: Float32Array<ArrayBuffer>
  readonly zeroPoints: Uint8Array<ArrayBuffer>
  readonly numbers: Float32Array
} {
  const perRow = K / BLOCK
  const zeroBytes = Math.ceil(perRow / 2)
  const packed = new Uint8Array((N * K * bits) / 8)
  const scales = Float32Array.from(makeNumbers(N * perRow, 3, 0.02, 0.05))
  const zeroPoints = new Uint8Array(N * zeroBytes)
  const numbers = new Float32Array(N * K)
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      const block = Math.floor(k / BLOCK)
      const quant = (7 * n + 11 * k + n * k) % (bits === 4 ? 16 : 256)
      const at = n * K + k
      if (bits === 8) packed[at] = quant
      else packed[at >> 1] = (packed[at >> 1] ?? 0) | (quant << (4 * (at & 1)))
      const zero = hasZeroPoints ? (n + 5 * block) % 16 : bits === 4 ? 8 : 128
      if (hasZeroPoints && k % BLOCK === 0) {
        const byte = n * zeroBytes + (block >> 1)
        zeroPoints[byte] = (zeroPoints[byte] ?? 0) | (zero << (4 * (block & 1)))
      }
      numbers[at] = (quant - zero) * (scales[n * perRow + block] ?? 0)
    }
  }
  return { packed, scales, zeroPoints, numbers }
}

/** x [rows, K] times the transpose of `numbers` [N, K], in doubles. */
function multiply(x: Float32Array, rows: number, numbers: Float32Array): Float64Array {
  const out = new Float64Array(rows * N)
  for (let row = 0; row < rows; row++)
    for (let n = 0; n < N; n++)
      for (let k = 0; k < K; k++)
        out[row * N + n] = (out[row * N + n] ?? 0) + (x[row * K + k] ?? 0) * (numbers[n * K + k] ?? 0)
  return out
}

const claim = (bits: 4 | 8, rows: number, hasZeroPoints: boolean): Claim => ({
  group: 'products',
  name: `${rows === 1 ? 'one row' : `${rows} rows`} with ${bits} bits${hasZeroPoints ? ' and zero points' : ''}`,
  bound: 1e-4,
  measure: async ({ runtime }) => {
    const { packed, scales, zeroPoints, numbers } = makeWeights(bits, hasZeroPoints)
    const g = new Graph()
    const blobs = K / BLOCK
    const x = g.input('x', 'f32', [rows, K])
    const b = g.constant('u8', [N, blobs, (BLOCK * bits) / 8], packed)
    const zeros = hasZeroPoints ? g.constant('u8', [zeroPoints.length], zeroPoints) : null
    g.output('y', ops.matMulNBits(g, x, b, g.constant('f32', [scales.length], scales), zeros, { K, N, bits }))
    const session = await runtime.open(g.finish())
    try {
      const data = makeNumbers(rows * K, 8)
      const result = await session.run({ x: { dtype: 'f32', shape: [rows, K], data } })
      return worstDifference(onHost(result, 'y').data as Float32Array, multiply(data, rows, numbers))
    } finally {
      await session.release()
    }
  },
})

export const productClaims: readonly Claim[] = [1, 5, 33].flatMap((rows) => [
  claim(4, rows, true),
  claim(4, rows, false),
  claim(8, rows, false),
])
