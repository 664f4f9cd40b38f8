// Knows: how long the matrix products of a train step take alone, at the step's own shapes: a lower bound of the step's time on this
// runtime. Runs in the page and in Node.
import { makeNumbers } from '../../src/engine/checks/numbers.ts'
import { Graph, type Value } from '../../src/engine/graph/graph.ts'
import { add, gemm, reduceMax } from '../../src/engine/graph/ops/index.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { HostTensor, Runtime } from '../../src/engine/runtime/types.ts'
import { listParameters } from '../../src/engine/training/parameters.ts'
import { medianOf, timeOf } from './measure.ts'

/**
 * Milliseconds, the median of 7 runs after 2. For each matrix w of the student: x · w, the product back through it and the product for its
 * gradient, for `tokens` tokens, without attention: 6 operations per token and parameter. The matrices are inputs, as in a step, so the
 * runtime cannot prepack them like constant weights.
 */
export async function measureProducts(
  runtime: Runtime,
  shape: DecoderShape,
  tokens: number,
): Promise<number> {
  const g = new Graph()
  const feeds: Record<string, HostTensor> = {}
  const inputs = new Map<string, Value>()
  const open = (name: string, size: readonly [number, number], scale: number): Value => {
    const known = inputs.get(name) ?? g.input(name, 'f32', size)
    inputs.set(name, known)
    feeds[name] ??= { dtype: 'f32', shape: size, data: makeNumbers(size[0] * size[1], inputs.size, scale) }
    return known
  }
  let all = g.scalar(0)
  for (const { name, shape: size } of listParameters(shape)) {
    const [from, to] = size
    if (from === undefined || to === undefined) continue
    const head = name === 'embedding' // hidden states times its transpose
    const [width, w] = [head ? to : from, open(name, [from, to], 0.05)]
    const x = open(`x ${width}`, [tokens, width], 1)
    const y = gemm(g, x, w, { transB: head })
    const back = gemm(g, y, w, { transB: !head })
    const gradient = head ? gemm(g, y, x, { transA: true }) : gemm(g, x, y, { transA: true })
    for (const product of [back, gradient]) all = add(g, all, reduceMax(g, product, [0, 1], false))
  }
  g.output('all', all)
  const session = await runtime.open(g.finish())
  const times: number[] = []
  for (let run = 0; run < 9; run += 1) times.push(await timeOf(() => session.run(feeds)))
  await session.release()
  return medianOf(times.slice(2))
}
