// How many rows fit into the KV cache.
import { expect, test } from 'vitest'
import { countRows } from '../../../src/engine/generation/slots.ts'

const SMOLLM2 = { layers: 30, kvHeads: 3, headWidth: 64 }

test('limits the cache of all rows to a gibibyte and the batch to 32 rows', () => {
  const bytesOf = (rows: number, context: number): number =>
    rows * 2 * 4 * SMOLLM2.layers * SMOLLM2.kvHeads * SMOLLM2.headWidth * context
  expect(countRows({ layers: 2, kvHeads: 1, headWidth: 16 }, 256, 8)).toBe(32)
  const rows = countRows(SMOLLM2, 2048, 8)
  expect(rows).toBe(11)
  expect(bytesOf(rows, 2048)).toBeLessThanOrEqual(2 ** 30)
  expect(bytesOf(rows + 1, 2048)).toBeGreaterThan(2 ** 30)
})

test('allows the requested number of rows whatever they take', () => {
  expect(countRows({ layers: 64, kvHeads: 32, headWidth: 128 }, 8192, 8)).toBe(8)
})
