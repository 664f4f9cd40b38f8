// Knows: whether a module computes on this machine what scalar code computes, before and after the browser has optimised it. Engines had
// bugs in relaxed instructions that only one of their compilers had.
// Must not know: which modules there are (choose.ts).
import { emulateFloatProduct, emulateProduct, emulateRounding } from './emulate.ts'
import { activationBytes, BLOCK, EXACT, PACKED, PACKED_NAMES, packedBytes, unpackedBytes } from './layouts.ts'
import type { Kernels } from './module.ts'
import { makeIntegerRow, type IntegerRow } from './packing/integer-rows.ts'
import { floatsOfRow, writePackedRow } from './packing/packed-rows.ts'

/** A size with every tile: four rows and one more, two groups, three blocks. */
const [ROWS, N, K] = [7, 16, 96]
/** Milliseconds of work in which engines optimise what is called often. */
const WARM_UP = 40

/** What differs, as a phrase; undefined if nothing does. */
export async function findWrongProducts(kernels: Kernels): Promise<string | undefined> {
  const test = prepare(kernels)
  for (const state of ['first', 'optimised'] as const) {
    const wrong = test()
    if (wrong !== undefined) return `products of ${wrong} are wrong in ${state} code`
    if (state === 'optimised') return undefined
    for (const end = performance.now() + WARM_UP; performance.now() < end;) test.run()
    // Optimised code takes over at a later call.
    await new Promise((resolve) => setTimeout(resolve, 5))
    test.run()
  }
  return undefined
}

function prepare({ heap, functions, dot }: Kernels): (() => string | undefined) & { run(): void } {
  let state = 1
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const x = heap.allocate(ROWS * K * 4)
  const a = heap.allocate(activationBytes(dot, ROWS, K))
  const rows = Array.from({ length: ROWS }, (_, r) => {
    const row = Float32Array.from({ length: K }, () => (random() - 0.5) * (random() < 0.1 ? 100 : 2))
    heap.floats.set(row, x / 4 + r * K)
    return { floats: row, rounded: emulateRounding(row) }
  })
  const out = heap.allocate(ROWS * N * 4)
  const scratch = heap.allocate(unpackedBytes(K))
  const kinds = PACKED_NAMES.map((name) => {
    const kind = PACKED[name]
    const size = packedBytes(kind, K, N)
    const w = heap.allocate(size)
    const packed = heap.bytes.subarray(w, w + size)
    const weights = Array.from({ length: N }, (_, n) => {
      const row = makeIntegerRow(K, kind.halves)
      // The largest integers of both signs are where saturation shows.
      for (let k = 0; k < K; k++)
        row.q[k] =
          random() < 0.5 ? (random() < 0.5 ? 0 : 2 ** kind.bits - 1) : Math.floor(random() * 2 ** kind.bits)
      for (let i = 0; i < row.d.length; i++) row.d[i] = Math.floor(random() * 64) / 512
      for (let i = 0; i < K / BLOCK; i++) row.m[i] = -Math.floor(random() * 64) / 128
      writePackedRow(name, dot, K, n, row, packed)
      return row
    })
    const floats = weights.map((weight) => {
      const own = new Float32Array(K)
      floatsOfRow(name, weight, K, own, 0)
      return own
    })
    const inRows = (compute: (row: (typeof rows)[number], n: number) => number): Float32Array =>
      Float32Array.from(rows.flatMap((row) => weights.map((_, n) => compute(row, n))))
    return {
      name,
      code: kind.code,
      w,
      expected: inRows(({ rounded }, n) => emulateProduct(name, weights[n] as IntegerRow, rounded)),
      exact: inRows((row, n) => emulateFloatProduct(floats[n] as Float32Array, row.floats)),
    }
  })
  const multiply = (code: number, w: number): void =>
    functions.multiply(code, w, code & EXACT ? x : a, out, 0, N / 8, ROWS, K, K * 4, N * 4, scratch)
  const equals = (expected: Float32Array): boolean => expected.every((y, i) => y === heap.floats[out / 4 + i])
  const round = (): void => {
    for (let r = 0; r < ROWS; r++) functions.roundRow(x + r * K * 4, a, r, K / BLOCK)
  }
  const test = (): string | undefined => {
    round()
    for (const { name, code, w, expected, exact } of kinds) {
      heap.floats.fill(Number.NaN, out / 4, out / 4 + ROWS * N)
      multiply(code, w)
      if (!equals(expected)) return name
      multiply(code | EXACT, w)
      if (!equals(exact)) return `${name} with floats`
    }
    return undefined
  }
  return Object.assign(test, {
    run: () => {
      round()
      for (const { code, w } of kinds) {
        multiply(code, w)
        multiply(code | EXACT, w)
      }
    },
  })
}
