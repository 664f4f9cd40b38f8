// The graph builder: shape rules, refusals, the contents of the model.
import { describe, expect, test } from 'vitest'
import { addDims, divideDims, multiplyDims } from '../../../src/engine/graph/dims.ts'
import { differentiate } from '../../../src/engine/graph/differentiate.ts'
import { Graph, type Dim, type Value } from '../../../src/engine/graph/graph.ts'
import * as ops from '../../../src/engine/graph/ops/index.ts'
import { runOnce } from '../session.ts'

/** The numbers of an output; an empty list if it is missing. */
const listOf = (output: { readonly data: ArrayLike<number | bigint> } | undefined): (number | bigint)[] =>
  Array.from(output?.data ?? [])

const f32 = (g: Graph, name: string, shape: readonly Dim[]): Value => g.input(name, 'f32', shape)

describe('dims', () => {
  test('multiplies, divides and adds numbers and symbols', () => {
    expect(multiplyDims([2, 'S', 3, 'B'])).toBe('6*B*S')
    expect(divideDims('6*B*S', '2*B')).toBe('3*S')
    expect(divideDims('6*B*S', 'T')).toBeUndefined()
    expect(divideDims(7, 2)).toBeUndefined()
    expect(addDims([1, 2, 3])).toBe(6)
    expect(addDims(['S', 'P'])).toBe('(P+S)')
    expect(divideDims(multiplyDims(['(P+S)', 4]), 4)).toBe('(P+S)')
  })
})

describe('shape rules', () => {
  const cases: readonly [string, (g: Graph) => Value, readonly Dim[]][] = [
    [
      'broadcasting stretches 1 and keeps symbols',
      (g) => ops.add(g, f32(g, 'a', ['B', 1, 4]), f32(g, 'b', [3, 1])),
      ['B', 3, 4],
    ],
    [
      'a product of stacks keeps the stack',
      (g) => ops.matMul(g, f32(g, 'a', ['B', 2, 'S', 8]), f32(g, 'b', ['B', 2, 8, 'T'])),
      ['B', 2, 'S', 'T'],
    ],
    [
      'a reshape infers the remaining size',
      (g) => ops.reshape(g, f32(g, 'a', ['B', 'S', 12]), [0, 0, 3, -1]),
      ['B', 'S', 3, 4],
    ],
    ['a reshape folds symbols', (g) => ops.reshape(g, f32(g, 'a', ['B', 'S', 12]), [-1, 12]), ['B*S', 12]],

    [
      'concatenation adds sizes',
      (g) => ops.concat(g, [f32(g, 'a', ['B', 2, 'P', 4]), f32(g, 'b', ['B', 2, 'S', 4])], 2),
      ['B', 2, '(P+S)', 4],
    ],
    [
      'a slice to the end of a symbol keeps it',
      (g) => ops.slice(g, f32(g, 'a', ['S', 4]), 0, ops.TO_END, 0),
      ['S', 4],
    ],
    [
      'a slice counts negative bounds from the end',
      (g) => ops.slice(g, f32(g, 'a', ['S', 4]), -3, -1, 1),
      ['S', 2],
    ],
    [
      'a reduction drops or keeps its axes',
      (g) => ops.reduceSum(g, ops.reduceMax(g, f32(g, 'a', ['B', 'S', 4]), [-1]), [0], false),
      ['S', 1],
    ],
    [
      'gather replaces the axis by the shape of the indices',
      (g) => ops.gather(g, f32(g, 'a', [9, 4]), g.input('i', 'i64', ['B', 'S'])),
      ['B', 'S', 4],
    ],
    [
      'a product with packed weights has their rows as its last axis',
      (g) =>
        ops.matMulNBits(
          g,
          f32(g, 'a', ['B', 'S', 64]),
          g.input('b', 'u8', [10, 2, 16]),
          f32(g, 's', [10, 2]),
          null,
          { K: 64, N: 10, bits: 4 },
        ),
      ['B', 'S', 10],
    ],
  ]
  test.each(cases)('%s', (_, build, shape) => {
    expect(build(new Graph()).shape).toEqual(shape)
  })

  const refusals: readonly [string, (g: Graph) => unknown, RegExp][] = [
    [
      'matrices whose inner sizes differ',
      (g) => ops.matMul(g, f32(g, 'a', [2, 3]), f32(g, 'b', [4, 5])),
      /^MatMul cannot take f32\[2, 3\], f32\[4, 5\]: the inner sizes 3 and 4 differ\.$/,
    ],
    [
      'shapes that do not broadcast',
      (g) => ops.add(g, f32(g, 'a', ['B', 3]), f32(g, 'b', [4])),
      /^Add cannot take .*the sizes 3 and 4 of axis 1 differ and neither is 1/,
    ],
    ['types that differ', (g) => ops.mul(g, f32(g, 'a', [2]), g.input('b', 'i32', [2])), /the same type/],
    [
      'split sizes that do not add up',
      (g) => ops.split(g, f32(g, 'a', [2, 5]), [2, 2], 1),
      /^Split cannot take .*the sizes 2, 2 sum to 4, not to the 5 of axis 1/,
    ],
    [
      'a shape with another number of elements',
      (g) => ops.reshape(g, f32(g, 'a', [2, 5]), [3, -1]),
      /10 elements do not fit into the shape \[3, -1\]/,
    ],
    ['a missing axis', (g) => ops.softmax(g, f32(g, 'a', [2, 5]), 2), /there is no axis 2 in 2 axes/],
    ['an invalid permutation', (g) => ops.transpose(g, f32(g, 'a', [2, 5]), [1, 1]), /not a permutation/],
    ['indices of floats', (g) => ops.gather(g, f32(g, 'a', [2]), f32(g, 'b', [2])), /indices must be/],
    [
      'a norm with a weight of another width',
      (g) => ops.simplifiedLayerNormalization(g, f32(g, 'a', [2, 5]), f32(g, 'w', [4]), 1e-5),
      /the size 5 of the last axis/,
    ],
    ['two values with one name', (g) => [f32(g, 'a', [1]), f32(g, 'a', [1])], /two values named a/],
    [
      'a weight of the wrong size',
      (g) => g.weight('w', 'f32', [2, 2], new Float32Array(3)),
      /weight w .* needs 16 bytes, not 12/,
    ],
  ]
  test.each(refusals)('refuses %s', (_, build, sentence) => {
    expect(() => build(new Graph())).toThrow(sentence)
  })
})

describe('Graph.finish', () => {
  test('keeps only what the outputs need, and equal nodes once', () => {
    const g = new Graph()
    const x = f32(g, 'x', [2])
    g.weight('unused', 'f32', [1000], new Float32Array(1000))
    ops.exp(g, x)
    expect(ops.neg(g, x)).toEqual(ops.neg(g, x))
    const minimal = new Graph()
    minimal.output('y', ops.neg(minimal, f32(minimal, 'x', [2])))
    g.output('y', ops.neg(g, x))
    expect(g.finish().external).toEqual([])
    expect(g.finish().bytes.length).toBe(minimal.finish().bytes.length)
  })

  test('creates a model that runs with constants, external weights, a value with two names and an input as output', async () => {
    const g = new Graph()
    const x = f32(g, 'x', ['N', 2])
    const w = g.weight('w', 'f32', [2, 2], Float32Array.of(1, 2, 3, 4, 9).subarray(0, 4))
    const y = ops.add(g, ops.matMul(g, x, w), g.scalar(0.5))
    g.output('y', y)
    g.output('again', y)
    g.output('same', x)
    const outputs = await runOnce(g.finish(), { x: { shape: [1, 2], data: Float32Array.of(1, -1) } })
    expect(listOf(outputs['y'])).toEqual([-1.5, -1.5])
    expect(outputs['again']?.data).toEqual(outputs['y']?.data)
    expect(listOf(outputs['same'])).toEqual([1, -1])
  })

  test('creates a model that runs with integers, booleans and optional outputs', async () => {
    const g = new Graph()
    const i = g.input('i', 'i32', [3])
    g.output('picked', ops.where(g, ops.less(g, i, g.constant('i32', [], [2])), g.scalar(-7), g.scalar(7)))
    g.output('best', ops.argMax(g, ops.cast(g, i, 'f32'), 0))
    const { values, indices } = ops.topK(g, ops.cast(g, i, 'f32'), 2)
    g.output('values', values)
    g.output('indices', indices)
    const outputs = await runOnce(g.finish(), { i: { shape: [3], data: Int32Array.of(1, 5, 2) } })
    expect(listOf(outputs['picked'])).toEqual([-7, 7, 7])
    expect(listOf(outputs['best'])).toEqual([1n])
    expect(listOf(outputs['values'])).toEqual([5, 2])
    expect(listOf(outputs['indices'])).toEqual([1n, 2n])
  })
})

describe('differentiate', () => {
  test('names the op without a gradient', () => {
    const g = new Graph()
    const y = ops.matMulNBits(
      g,
      f32(g, 'x', [1, 32]),
      g.input('b', 'u8', [1, 1, 16]),
      f32(g, 's', [1, 1]),
      null,
      { K: 32, N: 1, bits: 4 },
    )
    expect(() => differentiate(g, y, [{ name: 'x', dtype: 'f32', shape: [1, 32] }])).toThrow(
      /^MatMulNBits has no gradient: packed weights have no transposed product/,
    )
  })

  test('refuses a loss of more than one number', () => {
    const g = new Graph()
    const x = f32(g, 'x', [2])
    expect(() => differentiate(g, ops.exp(g, x), [x])).toThrow(
      /Only one f32 number can be differentiated, not f32\[2\]/,
    )
  })

  test('returns zeros for values without influence on the loss and ignores comparisons', async () => {
    const g = new Graph()
    const [x, other] = [f32(g, 'x', [2]), f32(g, 'other', [3])]
    const flags = ops.where(g, ops.less(g, x, g.scalar(0)), g.scalar(1), g.scalar(2))
    const loss = ops.reduceSum(g, ops.add(g, flags, ops.mul(g, x, g.scalar(3))), [0], false)
    const [dx, dOther] = differentiate(g, loss, [x, other])
    g.output('dx', dx as Value)
    g.output('dOther', dOther as Value)
    const outputs = await runOnce(g.finish(), {
      x: { shape: [2], data: Float32Array.of(-1, 1) },
      other: { shape: [3], data: new Float32Array(3) },
    })
    expect(listOf(outputs['dx'])).toEqual([3, 3])
    expect(listOf(outputs['dOther'])).toEqual([0, 0, 0])
  })
})
