// Integer products of every module against scalar code, bit for bit; products of floats against sums in double precision. Relaxed
// instructions are emulated here, and run in tests/browser/kernels.test.ts.
import { beforeAll, describe, expect, test } from 'vitest'
import { emulateProduct, emulateRounding } from '../../../src/engine/kernels/emulate.ts'
import {
  activationBytes,
  activationLayout,
  BLOCK,
  DOTS,
  EXACT,
  FLOAT_CODE,
  floatBytes,
  PACKED,
  PACKED_NAMES,
  packedBytes,
  roundUp,
  SCALE_FIELDS,
  START,
  unpackedBytes,
} from '../../../src/engine/kernels/layouts.ts'
import type { Kernels } from '../../../src/engine/kernels/module.ts'
import { floatsOfRow, writePackedRow } from '../../../src/engine/kernels/packing/packed-rows.ts'
import { openTestKernels } from './open-kernels.ts'
import { makeActivations, makeNumbers, makeRandomRow } from './random.ts'

let plain: Kernels
beforeAll(async () => {
  plain = await openTestKernels()
})

/** Rows, N and K: every tile, edges of groups and blocks, more rows than stay in a cache. */
const SHAPES: readonly (readonly [rows: number, N: number, K: number])[] = [
  [1, 8, 32],
  [2, 16, 64],
  [3, 24, 96],
  [4, 8, 128],
  [5, 40, 160],
  [7, 16, 576],
  [8, 24, 64],
  [13, 8, 1536],
  [9, 8, 8192 * 2],
]

/** Rounds rows of activations into the heap; returns their address. */
function roundRows({ heap, functions, dot }: Kernels, rows: readonly Float32Array[], K: number): number {
  const x = heap.allocate(K * 4)
  const a = heap.allocate(activationBytes(dot, rows.length, K))
  rows.forEach((row, r) => {
    heap.floats.set(row, x / 4)
    functions.roundRow(x, a, r, K / BLOCK)
  })
  return a
}

describe('rounding of activations', () => {
  test('gives the integers and scales of scalar code, and the sums of halves', () => {
    const random = makeNumbers(1)
    const K = 32 * 11
    const rows = [0, 1, 2, 3, 4].map(() => makeActivations(K, random))
    rows[2]?.fill(0)
    const a = roundRows(plain, rows, K)
    const layout = activationLayout('plain')
    const view = new DataView(plain.heap.memory.buffer)
    rows.forEach((row, r) => {
      const expected = emulateRounding(row)
      for (let block = 0; block < K / BLOCK; block++) {
        const tile = a + ((r >> 2) * (K / BLOCK) + block) * layout.bytes
        const integers = Array.from({ length: BLOCK }, (_, i) => {
          const place = (i & ~3) | ([0, 2, 1, 3][i & 3] ?? 0)
          return view.getInt16(tile + (r & 3) * layout.rowBytes + 2 * place, true)
        })
        const ours = [...expected.q.subarray(block * BLOCK, (block + 1) * BLOCK)]
        expect(integers).toEqual(ours)
        const field = (offset: number): number => tile + layout.scales + offset + 4 * (r & 3)
        const sum = ours.reduce((total, q) => total + q, 0)
        const first = ours.slice(0, 16).reduce((total, q) => total + q, 0)
        expect(view.getFloat32(field(SCALE_FIELDS.d), true)).toBe(expected.d[block])
        expect(view.getFloat32(field(SCALE_FIELDS.sum), true)).toBe(expected.sum[block])
        expect(view.getFloat32(field(SCALE_FIELDS.halfD), true)).toBe((expected.d[block] ?? 0) * 2 ** 112)
        expect(view.getFloat32(field(SCALE_FIELDS.halfSum), true)).toBe((expected.sum[block] ?? 0) * 2 ** 112)
        expect(view.getInt32(field(SCALE_FIELDS.start), true)).toBe(START - 8 * sum)
        expect(view.getInt32(field(SCALE_FIELDS.startOfHalf), true)).toBe(START - 8 * first)
      }
    })
  })

  test('keeps what is not a number, so that it is noticed', () => {
    const row = new Float32Array(64).fill(1)
    row[40] = Number.NaN
    const a = roundRows(plain, [row], 64)
    const { scales, bytes } = activationLayout('plain')
    const view = new DataView(plain.heap.memory.buffer)
    expect(view.getFloat32(a + scales + SCALE_FIELDS.d, true)).toBe(Math.fround(1 / 127))
    expect(view.getFloat32(a + bytes + scales + SCALE_FIELDS.d, true)).toBeNaN()
  })
})

describe.each(DOTS.flatMap((dot) => PACKED_NAMES.map((name) => [dot, name] as const)))(
  '%s products with %s',
  (dot, name) => {
    let kernels: Kernels
    beforeAll(async () => {
      kernels = await openTestKernels(dot)
    })

    test.each(SHAPES)('equal scalar code bit for bit: %d rows, N %d, K %d', (count, N, K) => {
      const random = makeNumbers(count * 7 + N)
      const { heap, functions } = kernels
      const rows = Array.from({ length: count }, () => makeActivations(K, random))
      const a = roundRows(kernels, rows, K)
      const w = heap.allocate(packedBytes(PACKED[name], K, N))
      const weights = Array.from({ length: N }, () => makeRandomRow(name, K, random))
      const bytes = new Uint8Array(heap.memory.buffer, w, packedBytes(PACKED[name], K, N))
      weights.forEach((row, n) => writePackedRow(name, dot, K, n, row, bytes))
      const c = heap.allocate(count * N * 4)
      heap.floats.fill(Number.NaN, c / 4, c / 4 + count * N)
      // In two chunks of groups, as threads take them.
      const half = Math.floor(N / 16)
      functions.multiply(PACKED[name].code, w, a, c, 0, half, count, K, 0, N * 4, 0)
      functions.multiply(PACKED[name].code, w, a, c, half, N / 8, count, K, 0, N * 4, 0)
      let different = 0
      rows.forEach((x, m) => {
        const rounded = emulateRounding(x)
        weights.forEach((row, n) => {
          if (!Object.is(heap.floats[c / 4 + m * N + n], emulateProduct(name, row, rounded))) different++
        })
      })
      expect(different).toBe(0)
    })

    test.each(SHAPES)(
      'equal those of floats with activations as floats: %d rows, N %d, K %d',
      (count, N, K) => {
        const random = makeNumbers(count * 5 + N)
        const { heap, functions } = kernels
        const x = heap.allocate(count * K * 4)
        const [w, f] = [heap.allocate(packedBytes(PACKED[name], K, N)), heap.allocate(floatBytes(K, N))]
        const [c, expected] = [heap.allocate(count * N * 4), heap.allocate(count * N * 4)]
        const scratch = heap.allocate(unpackedBytes(K))
        for (let m = 0; m < count; m++) heap.floats.set(makeActivations(K, random), x / 4 + m * K)
        const bytes = new Uint8Array(heap.memory.buffer, w, packedBytes(PACKED[name], K, N))
        const floats = new Float32Array(K)
        for (let n = 0; n < N; n++) {
          const row = makeRandomRow(name, K, random)
          writePackedRow(name, dot, K, n, row, bytes)
          floatsOfRow(name, row, K, floats, 0)
          floats.forEach((value, k) => (heap.floats[f / 4 + (n >> 3) * 8 * K + k * 8 + (n & 7)] = value))
        }
        functions.multiply(FLOAT_CODE, f, x, expected, 0, N / 8, count, K, K * 4, N * 4, 0)
        heap.floats.fill(Number.NaN, c / 4, c / 4 + count * N)
        const half = Math.floor(N / 16)
        functions.multiply(PACKED[name].code | EXACT, w, x, c, 0, half, count, K, K * 4, N * 4, scratch)
        functions.multiply(PACKED[name].code | EXACT, w, x, c, half, N / 8, count, K, K * 4, N * 4, scratch)
        const rowsOf = (at: number): Float32Array => heap.floats.slice(at / 4, at / 4 + count * N)
        expect(rowsOf(c)).toEqual(rowsOf(expected))
      },
    )
  },
)

test.each(SHAPES.slice(0, 8))(
  'multiplies floats within their rounding, alone as with other rows: %d rows, N %d, K %d',
  (count, N, K) => {
    const random = makeNumbers(count + N)
    const { heap, functions } = plain
    const x = heap.allocate(count * K * 4)
    const w = heap.allocate(floatBytes(K, N))
    const c = heap.allocate(count * roundUp(N, 8) * 4)
    const alone = heap.allocate(N * 4)
    const floats = heap.floats
    for (let i = 0; i < count * K; i++) floats[x / 4 + i] = random() - 0.5
    for (let i = 0; i < N * K; i++) floats[w / 4 + i] = random() - 0.5
    functions.multiply(FLOAT_CODE, w, x, c, 0, N / 8, count, K, K * 4, N * 4, 0)
    for (let m = 0; m < count; m++) {
      functions.multiply(FLOAT_CODE, w, x + m * K * 4, alone, 0, N / 8, 1, K, K * 4, N * 4, 0)
      for (let n = 0; n < N; n++) {
        let exact = 0
        for (let k = 0; k < K; k++)
          exact +=
            (floats[x / 4 + m * K + k] ?? 0) * (floats[w / 4 + (n >> 3) * 8 * K + k * 8 + (n & 7)] ?? 0)
        const y = floats[c / 4 + m * N + n] ?? Number.NaN
        expect(Math.abs(y - exact)).toBeLessThanOrEqual(1e-6 * Math.sqrt(K) * 4)
        expect(floats[alone / 4 + n]).toBe(y)
      }
    }
  },
)
