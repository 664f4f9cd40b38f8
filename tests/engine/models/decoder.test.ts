// The decoder's form: the tables of RoPE, the parameters of training and the tensors that others read.
import { expect, test } from 'vitest'
import { faultOfShape, ropeTables } from '../../../src/engine/models/shape.ts'
import {
  countOf,
  listParameters,
  makeFirstWeights,
  viewParameters,
} from '../../../src/engine/training/parameters.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { SMALL } from '../../../src/engine/checks/small.ts'

test('a shape that cannot be built is refused with its reason', () => {
  expect(faultOfShape(SMALL)).toBeUndefined()
  expect(faultOfShape({ ...SMALL, heads: 3 })).toBe('3 heads cannot share 2 key-value heads evenly.')
  expect(faultOfShape({ ...SMALL, headWidth: 7 })).toMatch(/head width of 7 is odd/)
  expect(faultOfShape({ ...SMALL, layers: 0 })).toMatch(/layers = 0 cannot be built/)
})

test('the tables of RoPE hold cos and sin of position / theta^(2i / head width)', () => {
  const { cos, sin } = ropeTables({ headWidth: 4, ropeTheta: 100 }, 3)
  expect(Array.from(cos)).toEqual(
    [1, 1, Math.cos(1), Math.cos(0.1), Math.cos(2), Math.cos(0.2)].map(Math.fround),
  )
  expect(Array.from(sin)).toEqual(
    [0, 0, Math.sin(1), Math.sin(0.1), Math.sin(2), Math.sin(0.2)].map(Math.fround),
  )
})

test('first weights depend on the draws alone; norms begin as ones', () => {
  let word = 0
  const flat = makeFirstWeights(listParameters(SMALL), () => Math.sin(++word))
  const views = viewParameters(listParameters(SMALL), flat)
  expect(new Set(views.get('final norm'))).toEqual(new Set([1]))
  expect(views.get('embedding')?.[1]).toBeCloseTo(0.02 * Math.sin(2), 8)
})

test('every parameter stands once among the tensors, projections turned to [out, in], q, k and v apart', () => {
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
