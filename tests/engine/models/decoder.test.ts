// The decoder: RoPE tables, the parameters of training and the tensors of other tools.
import { expect, test } from 'vitest'
import { findShapeProblem, ropeTables } from '../../../src/engine/models/shape.ts'
import {
  countOf,
  listParameters,
  initialWeights,
  viewParameters,
} from '../../../src/engine/training/parameters.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { SMALL } from '../../../src/engine/checks/small.ts'

test('findShapeProblem states what is wrong with a shape', () => {
  expect(findShapeProblem(SMALL)).toBeUndefined()
  expect(findShapeProblem({ ...SMALL, heads: 3 })).toBe('3 heads cannot share 2 key-value heads evenly.')
  expect(findShapeProblem({ ...SMALL, headWidth: 7 })).toMatch(/head width of 7 is odd/)
  expect(findShapeProblem({ ...SMALL, layers: 0 })).toMatch(/layers = 0 cannot be built/)
})

test('ropeTables contains cos and sin of position / theta^(2i / head width)', () => {
  const { cos, sin } = ropeTables({ headWidth: 4, ropeTheta: 100 }, 3)
  expect(Array.from(cos)).toEqual(
    [1, 1, Math.cos(1), Math.cos(0.1), Math.cos(2), Math.cos(0.2)].map(Math.fround),
  )
  expect(Array.from(sin)).toEqual(
    [0, 0, Math.sin(1), Math.sin(0.1), Math.sin(2), Math.sin(0.2)].map(Math.fround),
  )
})

test('initialWeights depends only on the draws and sets norms to one', () => {
  let word = 0
  const flat = initialWeights(listParameters(SMALL), () => Math.sin(++word))
  const views = viewParameters(listParameters(SMALL), flat)
  expect(new Set(views.get('final norm'))).toEqual(new Set([1]))
  expect(views.get('embedding')?.[1]).toBeCloseTo(0.02 * Math.sin(2), 8)
})

test('toHuggingFaceTensors contains every parameter once, with transposed projections and separate q, k and v', () => {
  const parameters = listParameters(SMALL)
  const flat = Float32Array.from({ length: countOf(parameters) }, (_, i) => i)
  const tensors = toHuggingFaceTensors(SMALL, flat)
  expect([...tensors.values()].flatMap(({ data }) => [...data]).toSorted((a, b) => a - b)).toEqual([...flat])
  const qkv = viewParameters(parameters, flat).get('layer 1 qkv')!
  const k = tensors.get('model.layers.1.self_attn.k_proj.weight')!
  expect(k.shape).toEqual([16, 32])
  expect(k.data[3 * 32 + 5]).toBe(qkv[5 * 64 + 32 + 3]) // out 3, in 5; q takes the first 32 columns of 64
  expect(tensors.get('model.layers.0.mlp.down_proj.weight')?.shape).toEqual([32, 64])
})
