import { expect, test } from 'vitest'
import {
  budgetOf,
  chooseSetAside,
  isTight,
  loadedBytes,
  sumBytes,
} from '../../../src/pipeline/models/loaded-memory.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'

const { card } = DESCRIPTION
const model = { ...DESCRIPTION, card: { ...card, memoryBytes: { wasm: 900, webgpu: 300 } } }

test('a model takes the memory that its card states for where and how it is loaded', () => {
  expect(loadedBytes(model)).toBe(900)
  expect(loadedBytes({ ...model, weights: 'f32' })).toBe(900)
  expect(loadedBytes({ ...model, weights: 'nb4s' })).toBe(300)
  expect(loadedBytes({ ...model, weights: 'kernels' })).toBe(900)
  const own = {
    ...model,
    card: { ...card, memoryBytes: { ...model.card.memoryBytes, kernels: 150, rounded: 60 } },
  }
  const forms = ['kernels', 'kernels-f32', 'kernels-q8', 'f32'] as const
  expect(forms.map((weights) => loadedBytes({ ...own, weights }))).toEqual([150, 150, 60, 900])
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

const GIB = 2 ** 30
const sized = (name: string, gib: number) => ({
  ...DESCRIPTION,
  card: { ...card, name, memoryBytes: { wasm: gib * GIB, webgpu: (gib * GIB) / 4 } },
})
const asideFor = (loaded: readonly ReturnType<typeof sized>[], wanted: typeof DESCRIPTION, memoryGiB = 4) =>
  chooseSetAside(loaded, wanted, { memoryGiB }).map((one) => one.card.name)

test('a machine whose browser reports no memory is taken to have 8 GiB; what once was too much is too much', () => {
  expect(budgetOf({})).toBe(0.6 * 8 * GIB)
  expect(budgetOf({ memoryGiB: 4 })).toBe(0.6 * 4 * GIB)
  expect(budgetOf({ memoryGiB: 4, tooManyBytes: GIB })).toBe(GIB - 1)
  expect(budgetOf({ memoryGiB: 1, tooManyBytes: 4 * GIB })).toBe(0.6 * GIB)
})

test('models that fit next to each other stay; else the fewest make room, those first that were not used for longest', () => {
  const [a, b, c] = [sized('a', 1), sized('b', 1), sized('c', 0.2)]
  expect(asideFor([a], b)).toEqual([])
  expect(asideFor([a, b], c)).toEqual([])
  expect(asideFor([a, b], sized('d', 1))).toEqual(['a'])
  expect(asideFor([b, a], sized('d', 1))).toEqual(['b'])
  expect(asideFor([a, b], sized('d', 2))).toEqual(['a', 'b'])
  // c is the oldest, but without a it need not go.
  expect(asideFor([c, a], sized('d', 2))).toEqual(['a'])
  expect(asideFor([c, b, a], sized('d', 1))).toEqual(['b'])
})

test('a model that is too large for the machine alone has it for itself; one on a server needs no room and gives none', () => {
  expect(asideFor([sized('a', 1)], sized('d', 3))).toEqual(['a'])
  expect(asideFor([sized('a', 2)], { ...sized('d', 3), backend: 'server' })).toEqual([])
  expect(asideFor([{ ...sized('a', 2), backend: 'server' }, sized('b', 2)], sized('d', 1))).toEqual(['b'])
  expect(asideFor([], sized('d', 9))).toEqual([])
})

test('packed weights and the graphics card need less, so that more fit', () => {
  expect(asideFor([sized('a', 2)], { ...sized('d', 1), weights: 'nb4s' })).toEqual([])
  expect(asideFor([sized('a', 2)], { ...sized('d', 1), backend: 'webgpu' })).toEqual([])
  expect(asideFor([sized('a', 2)], { ...sized('d', 1), weights: 'f32' })).toEqual(['a'])
})
