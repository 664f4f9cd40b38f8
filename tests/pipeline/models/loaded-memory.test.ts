import { expect, test } from 'vitest'
import { isTight, loadedBytes, sumBytes } from '../../../src/pipeline/models/loaded-memory.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'

const { card } = DESCRIPTION
const model = { ...DESCRIPTION, card: { ...card, memoryBytes: { wasm: 900, webgpu: 300 } } }

test('a model takes the memory that its card states for where and how it is loaded', () => {
  expect(loadedBytes(model)).toBe(900)
  expect(loadedBytes({ ...model, weights: 'f32' })).toBe(900)
  expect(loadedBytes({ ...model, weights: 'nb4s' })).toBe(300)
  expect(loadedBytes({ ...model, backend: 'webgpu', weights: 'f32' })).toBe(300)
  expect(loadedBytes({ ...model, backend: 'server' })).toBe(0)
  const { memoryBytes: _, ...unsized } = card
  expect(loadedBytes({ ...DESCRIPTION, card: unsized })).toBeUndefined()
  expect(loadedBytes({ ...DESCRIPTION, card: { ...unsized, graphicsBytes: 77 } })).toBe(77)
  expect(sumBytes([model, { ...model, weights: 'nb4s' }, { ...DESCRIPTION, card: unsized }])).toBe(1200)
})

test('more than 60 % of a machine’s memory is too much, if its memory is known', () => {
  expect(isTight(2.5 * 2 ** 30, 4)).toBe(true)
  expect(isTight(2.3 * 2 ** 30, 4)).toBe(false)
  expect(isTight(1e15, undefined)).toBe(false)
})
