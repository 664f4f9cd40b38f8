// Knows: how fast the runtime's own matrix product is, which is the ceiling for any training on it.
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { Graph } from '../../../src/engine/graph/graph.ts'
import { matMul, reduceSum } from '../../../src/engine/graph/ops/index.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import { medianOf, timeOf } from '../measure.ts'

/** GFLOP/s of eight products of 1024 × 1024 matrices in one graph. */
export async function measureCeiling(runtime: Runtime): Promise<number> {
  const [size, products] = [1024, 8]
  const g = new Graph()
  const b = g.weight('b', 'f32', [size, size], makeNumbers(size * size, 2, 0.03))
  let x = g.input('a', 'f32', [size, size])
  for (let i = 0; i < products; i += 1) x = matMul(g, x, b)
  g.output('sum', reduceSum(g, x, [0, 1], false))
  const session = await runtime.open(g.finish())
  const a = { dtype: 'f32' as const, shape: [size, size], data: makeNumbers(size * size, 1) }
  const times: number[] = []
  for (let run = 0; run < 7; run += 1) times.push(await timeOf(() => session.run({ a })))
  await session.release()
  return (products * 2 * size ** 3) / (medianOf(times.slice(2)) * 1e6)
}
