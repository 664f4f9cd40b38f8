// Every type of integers against the gguf package's numbers (tests/oracles/quants.py) and this program's own dequantiser: what the
// kernels multiply with is exactly what the file says.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { BLOCK, PACKED, packedBytes } from '../../../../src/engine/kernels/layouts.ts'
import { INTEGER_READERS } from '../../../../src/engine/kernels/packing/index.ts'
import { makeIntegerRow } from '../../../../src/engine/kernels/packing/integer-rows.ts'
import {
  fits,
  floatsOfRow,
  readPackedRow,
  writePackedRow,
} from '../../../../src/engine/kernels/packing/packed-rows.ts'
import { roundFloats } from '../../../../src/engine/kernels/packing/rounded.ts'
import { requireQuant } from '../../../../src/engine/weights/dequantise.ts'
import { QUANTS } from '../../../../src/engine/weights/quants/index.ts'
import { makeNumbers } from '../random.ts'

const oracle = JSON.parse(
  readFileSync(new URL('../../../oracles/quants.json', import.meta.url), 'utf8'),
) as Record<string, { bytes: string; values: string }>
const decode = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))

test('covers every type but floats', () => {
  const floats = ['F32', 'F16', 'BF16']
  expect(INTEGER_READERS.map(({ name }) => name).toSorted()).toEqual(
    QUANTS.map(({ name }) => name)
      .filter((name) => !floats.includes(name))
      .toSorted(),
  )
})

describe.each(INTEGER_READERS.map((reader) => [reader.name, reader] as const))('%s', (name, reader) => {
  const quant = requireQuant(name)
  const { kind } = reader
  const entry = oracle[name]
  const blocks = decode(entry?.bytes ?? '')
  const values = new Float32Array(decode(entry?.values ?? '').buffer)

  /** The row through the kernels' layout, as row `row` of a matrix with other rows. */
  function roundTrip(bytes: Uint8Array, columns: number, row: number, dot: 'plain' | 'signed'): Float32Array {
    const packed = new Uint8Array(packedBytes(PACKED[kind], columns, row + 1)).fill(0xa5)
    const integers = makeIntegerRow(columns, PACKED[kind].halves)
    reader.readRow(bytes, 0, columns, integers)
    // The oracle's blocks have scales that are no halves once multiplied by −8 only if they are huge.
    expect(fits(kind, integers)).toBe(true)
    writePackedRow(kind, dot, columns, row, integers, packed)
    const back = makeIntegerRow(columns, PACKED[kind].halves)
    readPackedRow(kind, dot, columns, row, packed, back)
    const out = new Float32Array(columns)
    floatsOfRow(kind, back, columns, out, 0)
    return out
  }

  test('represents the numbers of the gguf package exactly, in any row', () => {
    const columns = (blocks.length / quant.blockBytes) * quant.elements
    expect(columns).toBeGreaterThanOrEqual(128)
    const own = new Float32Array(columns)
    quant.readRow(blocks, 0, columns, own, 0)
    for (const [row, dot] of [
      [0, 'plain'],
      [5, 'signed'],
      [10, 'plain'],
    ] as const) {
      const ours = roundTrip(blocks, columns, row, dot)
      let different = 0
      ours.forEach((x, i) => {
        if (x !== own[i]) different++
        // The gguf package computes in floats, this program in doubles that are rounded once.
        expect(Math.abs(x - (values[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-6 * Math.abs(values[i] ?? 0))
      })
      expect(different).toBe(0)
    }
  })

  test('represents random blocks as the dequantiser reads them', () => {
    const random = makeNumbers(name.length + name.charCodeAt(3))
    const columns = 8 * 256
    const bytes = Uint8Array.from({ length: (columns / quant.elements) * quant.blockBytes }, () =>
      Math.floor(random() * 256),
    )
    // Scales of halves below 2, never infinite: every 16-bit number of a file's block that is a scale has its upper exponent bit cleared.
    const scalesAt: Readonly<Record<string, readonly number[]>> = {
      Q4_1: [0, 2],
      Q5_1: [0, 2],
      Q4_K: [0, 2],
      Q5_K: [0, 2],
      Q6_K: [208],
    }
    for (let p = 0; p < bytes.length; p += quant.blockBytes)
      for (const at of scalesAt[name] ?? [0]) bytes[p + at + 1] = (bytes[p + at + 1] ?? 0) & 0xbf
    const expected = new Float32Array(columns)
    quant.readRow(bytes, 0, columns, expected, 0)
    // −0 and 0 are equal here.
    const ours = roundTrip(bytes, columns, 3, 'signed')
    expect(ours.filter((x, i) => x !== expected[i])).toHaveLength(0)
  })
})

test('finds scales that half precision cannot hold', () => {
  const row = makeIntegerRow(64, false)
  expect(fits('q4', row)).toBe(true)
  for (const bad of [1 / 3, 70_000, Number.NaN, Infinity]) {
    row.d[1] = bad
    expect(fits('q4', row)).toBe(false)
    expect(fits('q4f', row)).toBe(true)
  }
})

test('rounds floats to 8 bits within half a step, and pads with zeros', () => {
  const random = makeNumbers(5)
  const values = Float32Array.from({ length: 80 }, () => random() - 0.5)
  const row = makeIntegerRow(96, false)
  roundFloats(values, 80, row)
  const out = new Float32Array(96)
  floatsOfRow('q8', row, 96, out, 0)
  for (let i = 0; i < 96; i++)
    expect(Math.abs((out[i] ?? Number.NaN) - (values[i] ?? 0))).toBeLessThanOrEqual(
      (row.d[Math.floor(i / BLOCK)] ?? 0) * 0.5001,
    )
  expect([...out.subarray(80)].every((x) => x === 0)).toBe(true)
  values[40] = Infinity
  roundFloats(values, 80, row)
  expect(row.d[0]).toBeGreaterThan(0)
  expect(row.d[1]).toBeNaN()
})
