import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  dequantiseRow,
  requireQuant,
  toDense,
  toEightBit,
  toFourBit,
} from '../../../src/engine/weights/dequantise.ts'
import type { RowBlock } from '../../../src/engine/weights/dequantise.ts'
import { findGgufTypeId, findGgufType } from '../../../src/engine/weights/gguf/gguf-types.ts'
import type { EightBitWeight, FourBitWeight } from '../../../src/engine/weights/loaded.ts'
import { QUANTS } from '../../../src/engine/weights/quants/index.ts'

const oracle = JSON.parse(
  readFileSync(new URL('../../oracles/quants.json', import.meta.url), 'utf8'),
) as Record<string, { bytes: string; values: string }>
const decode = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))

function readOracle(name: string): { bytes: Uint8Array; values: Float32Array } {
  const entry = oracle[name]
  if (entry === undefined) throw new Error(`the oracle has no ${name}`)
  return { bytes: decode(entry.bytes), values: new Float32Array(decode(entry.values).buffer) }
}

/** Rows of a type from the oracle's blocks, in a different order in each row, so that neighbouring rows differ. */
function makeRows(name: string, rows: number, blocks: number): RowBlock {
  const quant = requireQuant(name)
  const { bytes } = readOracle(name)
  const blockCount = bytes.length / quant.blockBytes
  const out = new Uint8Array(rows * blocks * quant.blockBytes)
  for (let i = 0; i < rows * blocks; i++)
    out.set(
      bytes.subarray(((i * 7 + 3) % blockCount) * quant.blockBytes).subarray(0, quant.blockBytes),
      i * quant.blockBytes,
    )
  return { quant, bytes: out, columns: blocks * quant.elements, rows }
}

function readRows({ quant, bytes, columns, rows, order }: RowBlock): number[][] {
  const rowBytes = (columns / quant.elements) * quant.blockBytes
  return Array.from({ length: rows }, (_, r) => {
    const out = new Float32Array(columns)
    quant.readRow(bytes, (order?.[r] ?? r) * rowBytes, columns, out, 0)
    return Array.from(out)
  })
}

/** The matrix [N][K] that a packed matrix with its correction represents to MatMulNBits. */
function unpack(weight: FourBitWeight | EightBitWeight): number[][] {
  const perRow = weight.K / 32
  return Array.from({ length: weight.N }, (_row, n) =>
    Array.from({ length: weight.K }, (_column, k) => {
      const block = n * perRow + Math.floor(k / 32)
      const scale = weight.scales[block] as number
      if (weight.kind === 'nb8') return ((weight.b[block * 32 + (k % 32)] as number) - 128) * scale
      const byte = weight.b[block * 16 + ((k % 32) >> 1)] as number
      const q = k % 2 === 0 ? byte & 15 : byte >> 4
      const zeroByte = weight.zeroPoints[n * Math.ceil(perRow / 2) + (Math.floor(k / 32) >> 1)] as number
      const zero = Math.floor(k / 32) % 2 === 0 ? zeroByte & 15 : zeroByte >> 4
      return (q - zero) * scale + (weight.correction?.[Math.floor(k / 32) * weight.N + n] ?? 0)
    }),
  )
}

const largestDifference = (a: number[][], b: number[][]): number =>
  Math.max(
    ...a.map((row, i) => Math.max(...row.map((value, j) => Math.abs(value - (b[i]?.[j] ?? Number.NaN))))),
  )

describe('dequantising', () => {
  test.each(QUANTS.map(({ name }) => name))("dequantises %s to the values of ggml's own package", (name) => {
    const { bytes, values } = readOracle(name)
    const out = new Float32Array(values.length + 3)
    dequantiseRow(name, bytes, 0, values.length, out, 3)
    // The package rounds every step to 32 bits, we round once: up to one part in 2^22.
    const worst = values.reduce(
      (max, value, i) =>
        Math.max(max, Math.abs(value - (out[i + 3] as number)) / Math.max(Math.abs(value), 1e-3)),
      0,
    )
    expect(worst).toBeLessThanOrEqual(2.5e-7 * 4)
    expect(values.some((value) => value !== 0)).toBe(true)
  })

  test('has the block sizes of the type table', () => {
    for (const quant of QUANTS) {
      expect(findGgufType(findGgufTypeId(quant.name) ?? -1)).toEqual({
        name: quant.name,
        elements: quant.elements,
        bytes: quant.blockBytes,
      })
    }
  })

  test('throws a RangeError with the name of an unsupported type', () => {
    expect(() => requireQuant('IQ2_XS')).toThrow(/IQ2_XS/)
  })

  test('toDense stacks and transposes rows in the requested order', () => {
    const first = {
      ...makeRows('Q4_1', 20, 3),
      order: Int32Array.from({ length: 20 }, (_, i) => (i * 7) % 20),
    }
    const second = makeRows('Q8_0', 5, 3)
    const dense = toDense([first, second])
    expect([dense.K, dense.N]).toEqual([96, 25])
    const rows = [...readRows(first), ...readRows(second)]
    expect(Array.from(dense.data)).toEqual(
      Array.from({ length: 96 * 25 }, (_, i) => rows[i % 25]?.[Math.floor(i / 25)]),
    )
  })
})

describe('lossless packing', () => {
  test.each([
    ['Q4_0', 3],
    ['Q4_1', 3],
    ['Q4_K', 1],
  ] as const)('keeps the four bits of %s', (name, blocks) => {
    const rows = { ...makeRows(name, 6, blocks), order: Int32Array.of(5, 0, 3, 1, 4, 2) }
    const packed = toFourBit([rows]) as FourBitWeight
    expect(packed.kind).toBe('nb4s')
    expect(largestDifference(unpack(packed), readRows(rows))).toBeLessThanOrEqual(1e-6)
  })

  test('adds a correction for Q4_1 and none for Q4_0', () => {
    expect(toFourBit([makeRows('Q4_0', 2, 2)])).not.toHaveProperty('correction')
    expect(toFourBit([makeRows('Q4_1', 2, 2)])).toHaveProperty('correction')
  })

  test('keeps the eight bits of Q8_0', () => {
    const rows = makeRows('Q8_0', 5, 3)
    expect(largestDifference(unpack(toEightBit([rows]) as EightBitWeight), readRows(rows))).toBe(0)
  })

  test('does not pack other types and mixtures', () => {
    expect(toFourBit([makeRows('Q5_0', 2, 1)])).toBeUndefined()
    expect(toFourBit([makeRows('Q4_0', 2, 8), makeRows('Q6_K', 2, 1)])).toBeUndefined()
    expect(toEightBit([makeRows('Q4_0', 2, 1)])).toBeUndefined()
  })
})
