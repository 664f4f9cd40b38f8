// Knows: claims that every op's gradient matches finite differences on the machine itself.
import { differentiate } from '../graph/differentiate.ts'
import { elementsOf } from '../graph/dims.ts'
import { Graph, needStatic, type OnnxModel } from '../graph/graph.ts'
import * as ops from '../graph/ops/index.ts'
import { onHost, type HostTensor } from '../runtime/types.ts'
import type { Claim } from './check.ts'
import { makeNumbers } from './numbers.ts'
import { CASES, type GradientCase } from './op-cases.ts'

/** Half the interval of the finite difference. */
const STEP = 4e-3
/** Relative error of the slope with 32-bit floats and this interval. */
const BOUND = 5e-3

/** `loss` (the case's value times fixed numbers, summed) and the gradients `d0`, `d1` … of its inputs. */
function buildCase(example: GradientCase): OnnxModel {
  const g = new Graph()
  const xs = example.inputs.map(({ shape }, i) => g.input(`x${i}`, 'f32', shape))
  const y = example.build(g, ...xs)
  const shape = needStatic(y, 'a case')
  const loss = ops.reduceSum(
    g,
    ops.mul(g, y, g.constant('f32', shape, makeNumbers(elementsOf(shape), 99))),
    shape.map((_, axis) => axis),
    false,
  )
  g.output('loss', loss)
  differentiate(g, loss, xs).forEach((gradient, i) => g.output(`d${i}`, gradient))
  return g.finish()
}

/**
 * One claim per case: the slope along one direction through all inputs. `detach` stops the gradient on purpose and has
 * none.
 */
export const gradientClaims: readonly Claim[] = CASES.filter(({ name }) => name !== 'detach').map(
  (example): Claim => ({
    group: 'gradients',
    name: example.name,
    bound: BOUND,
    measure: async ({ runtime }) => {
      const session = await runtime.open(buildCase(example))
      try {
        const inputs = example.inputs.map(({ shape, scale, offset }, i) => ({
          shape,
          data: makeNumbers(elementsOf(shape), i + 1, scale, offset),
        }))
        const directions = inputs.map(({ data }, i) => makeNumbers(data.length, 50 + i))
        const run = (step: number) =>
          session.run(
            Object.fromEntries(
              inputs.map(({ shape, data }, i): [string, HostTensor] => [
                `x${i}`,
                { dtype: 'f32', shape, data: data.map((x, e) => x + step * (directions[i]?.[e] ?? 0)) },
              ]),
            ),
          )
        const lossAt = async (step: number): Promise<number> =>
          onHost(await run(step), 'loss').data[0] as number
        const outputs = await run(0)
        const computed = inputs.reduce(
          (sum, _, i) => sum + dot(onHost(outputs, `d${i}`).data as Float32Array, directions[i] ?? []),
          0,
        )
        const slope = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP)
        return Math.abs(slope - computed) / (1 + Math.abs(slope))
      } finally {
        await session.release()
      }
    },
  }),
)

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * (b[i] ?? Number.NaN), 0)
