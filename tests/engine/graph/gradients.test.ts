// Every op's gradient against finite differences of its own forward pass and against PyTorch's saved numbers.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { differentiate } from '../../../src/engine/graph/differentiate.ts'
import { elementsOf } from '../../../src/engine/graph/dims.ts'
import { Graph, needStatic } from '../../../src/engine/graph/graph.ts'
import type { OpDefinition } from '../../../src/engine/graph/op.ts'
import * as ops from '../../../src/engine/graph/ops/index.ts'
import { makeNumbers, worstDifference } from '../../../src/engine/checks/numbers.ts'
import { openSession, type Feed } from '../session.ts'
import { CASES, type GradientCase } from '../../../src/engine/checks/op-cases.ts'

interface Oracle {
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly loss: number
        readonly output: readonly number[]
        readonly gradients: readonly (readonly number[])[]
      }
    >
  >
}
const oracle = JSON.parse(
  readFileSync(new URL('../../oracles/gradients.json', import.meta.url), 'utf8'),
) as Oracle

const feed = (at: readonly Feed[]) => Object.fromEntries(at.map((x, i) => [`x${i}`, x]))
const isOp = (item: unknown): item is OpDefinition =>
  typeof item === 'object' && item !== null && 'infer' in item

/** The case as a model: its output, the loss (output times fixed numbers) and the gradients of all inputs. */
function buildCase(example: GradientCase) {
  const g = new Graph()
  const xs = example.inputs.map(({ shape }, i) => g.input(`x${i}`, 'f32', shape))
  const y = example.build(g, ...xs)
  const shape = needStatic(y, 'a case')
  const weights = g.constant('f32', shape, makeNumbers(elementsOf(shape), 99))
  const loss = ops.reduceSum(
    g,
    ops.mul(g, y, weights),
    shape.map((_, axis) => axis),
    false,
  )
  g.output('y', y)
  g.output('loss', loss)
  differentiate(g, loss, xs).forEach((gradient, i) => g.output(`d${i}`, gradient))
  return g.finish()
}

describe.each(CASES)('the gradient of $name', (example) => {
  test('matches finite differences and PyTorch', async () => {
    const session = await openSession(buildCase(example))
    const inputs = example.inputs.map(({ shape, scale, offset }, i): Feed => ({
      shape,
      data: makeNumbers(elementsOf(shape), i + 1, scale, offset),
    }))
    const outputs = await session.run(feed(inputs))
    const saved = oracle.cases[example.name]
    if (!saved)
      throw new Error(`gradients.json has no case “${example.name}”: run tests/oracles/gradients.py again`)
    expect(worstDifference(outputs['y']?.data as Float32Array, saved.output)).toBeLessThanOrEqual(2e-6)
    const lossAt = async (which: number, element: number, step: number): Promise<number> => {
      const moved = inputs.map((x, i): Feed =>
        i === which
          ? {
              shape: x.shape,
              data: Float32Array.from(x.data as Float32Array, (v, e) => (e === element ? v + step : v)),
            }
          : x,
      )
      return (await session.run(feed(moved)))['loss']?.data[0] as number
    }
    for (const [i, x] of inputs.entries()) {
      const gradient = outputs[`d${i}`]?.data as Float32Array
      expect(outputs[`d${i}`]?.shape).toEqual(x.shape)
      expect(worstDifference(gradient, saved.gradients[i] ?? [])).toBeLessThanOrEqual(5e-6)
      if (example.name === 'detach') continue // its gradient is not the slope of its value, on purpose
      for (let element = 0; element < x.data.length; element++) {
        const slope = ((await lossAt(i, element, 4e-3)) - (await lossAt(i, element, -4e-3))) / 8e-3
        expect(Math.abs(slope - (gradient[element] ?? Number.NaN))).toBeLessThanOrEqual(
          3e-3 * (1 + Math.abs(slope)),
        )
      }
    }
    await session.release()
  })
})

test('every op with a gradient rule has a case', () => {
  const covered = new Set(CASES.flatMap((example) => example.covers))
  const without = Object.values(ops)
    .filter(isOp)
    .filter((op) => typeof op.gradient === 'function' && !covered.has(op.type))
    .map((op) => op.type)
  expect(without).toEqual([])
})
