// Knows: every op's forward value and gradient in the browser, against the numbers that PyTorch gave.
import { differentiate } from '../../../src/engine/graph/differentiate.ts'
import { elementsOf } from '../../../src/engine/graph/dims.ts'
import { Graph, needStatic, type OnnxModel } from '../../../src/engine/graph/graph.ts'
import * as ops from '../../../src/engine/graph/ops/index.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { HostTensor } from '../../../src/engine/runtime/types.ts'
import { CASES, type GradientCase } from '../../../src/engine/checks/op-cases.ts'
import { makeNumbers, worstDifference } from '../../../src/engine/checks/numbers.ts'
import oracle from '../../oracles/gradients.json'
import { checkAtMost, checkThat, type Check } from './check.ts'

interface Saved {
  readonly output: readonly number[]
  readonly gradients: readonly (readonly number[])[]
}
const saved: Readonly<Record<string, Saved>> = oracle.cases

/** The case's value and the gradients of `sum(value · fixed numbers)` to each of its inputs. */
function buildCase(example: GradientCase): OnnxModel {
  const g = new Graph()
  const xs = example.inputs.map(({ shape }, index) => g.input(`x${index}`, 'f32', shape))
  const y = example.build(g, ...xs)
  const shape = needStatic(y, 'a case')
  const weights = g.constant('f32', shape, makeNumbers(elementsOf(shape), 99))
  const axes = shape.map((_, axis) => axis)
  g.output('y', y)
  differentiate(g, ops.reduceSum(g, ops.mul(g, y, weights), axes, false), xs).forEach((gradient, index) =>
    g.output(`d${index}`, gradient),
  )
  return g.finish()
}

/** One check a case. On WebGPU no node may fall back to the CPU, and `exp` and friends are a little coarser. */
export async function runGradientChecks(backend: 'wasm' | 'webgpu'): Promise<readonly Check[]> {
  const runtime = await openRuntime({ backend, forbidFallback: true })
  const bound = backend === 'wasm' ? 5e-6 : 5e-5
  const checks: Check[] = []
  for (const example of CASES) {
    checks.push(
      await checkThat(example.name, async () => {
        const wanted = saved[example.name]
        if (wanted === undefined) throw new Error('gradients.json has no such case')
        const session = await runtime.open(buildCase(example))
        const feeds = Object.fromEntries(
          example.inputs.map(({ shape, scale, offset }, index): [string, HostTensor] => [
            `x${index}`,
            { dtype: 'f32', shape, data: makeNumbers(elementsOf(shape), index + 1, scale, offset) },
          ]),
        )
        const outputs = await session.run(feeds)
        await session.release()
        const numbersOf = (name: string): Float32Array => {
          const tensor = outputs[name]
          if (tensor === undefined || 'onDevice' in tensor || !(tensor.data instanceof Float32Array))
            throw new TypeError(`${name} did not come back as floats`)
          return tensor.data
        }
        const worst = [
          worstDifference(numbersOf('y'), wanted.output),
          ...wanted.gradients.map((gradient, index) => worstDifference(numbersOf(`d${index}`), gradient)),
        ]
        return checkAtMost(example.name, Math.max(...worst), bound)
      }),
    )
  }
  return checks
}
