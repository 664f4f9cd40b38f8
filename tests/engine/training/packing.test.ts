// Rows into batches: each row once, and only tokens of the completion count.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchOrder, type Shuffler } from '../../../src/engine/training/batch-order.ts'
import {
  bucketLengths,
  makeBatch,
  packRows,
  planEpoch,
  positionsOf,
  type PackedRow,
} from '../../../src/engine/training/packing.ts'

const tokens = fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 40 })
const tokenRows = fc.array(fc.record({ prompt: tokens, completion: tokens }), { maxLength: 60 })

/** A generator for tests: its state is one word. */
function makeShuffler(start = 1): Shuffler {
  let word = start
  return {
    state: () => [word],
    shuffle: (items) => {
      const out = [...items]
      for (let i = out.length - 1; i > 0; i--) {
        word = (Math.imul(word, 1664525) + 1013904223) >>> 0
        const j = word % (i + 1)
        ;[out[i], out[j]] = [out[j] as (typeof out)[number], out[i] as (typeof out)[number]]
      }
      return out
    },
  }
}

describe('packing', () => {
  test('packRows packs or skips every row, counts truncated rows and counts only completion tokens', () => {
    fc.assert(
      fc.property(tokenRows, fc.integer({ min: 1, max: 48 }), (rows, context) => {
        const { rows: packed, sources, truncated, skipped } = packRows(rows, context)
        expect(packed.length + skipped).toBe(rows.length)
        let expected = 0
        packed.forEach((row, i) => {
          const { prompt, completion } = rows[sources[i] as number] as (typeof rows)[number]
          const whole = [...prompt, ...completion]
          expect(positionsOf(row)).toBeLessThanOrEqual(context)
          expect([...row.tokens]).toEqual(whole.slice(0, row.tokens.length))
          const counted = whole.slice(row.from + 1, row.tokens.length)
          expect(counted.length).toBeGreaterThan(0)
          expect(counted).toEqual(completion.slice(prompt.length ? 0 : 1, row.tokens.length - prompt.length))
          if (row.tokens.length < whole.length) expected++
        })
        expect(truncated).toBe(expected)
      }),
    )
  })

  test('packRows skips rows whose completion does not fit and truncates long ones', () => {
    const packed = packRows(
      [
        { prompt: [1, 2, 3, 4], completion: [5] },
        { prompt: [1, 2], completion: [3, 4, 5, 6] },
        { prompt: [1], completion: [] },
      ],
      3,
    )
    expect(packed).toMatchObject({ truncated: 1, skipped: 2, sources: [1] })
    expect([...(packed.rows[0]?.tokens ?? [])]).toEqual([1, 2, 3, 4])
  })

  test('planEpoch contains every row once, within the batch size and the length of the batch', () => {
    fc.assert(
      fc.property(
        tokenRows,
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        (rows, context, size, word) => {
          const packed = packRows(rows, context).rows
          const lengths = bucketLengths(context)
          const shuffler = makeShuffler(word)
          const plan = planEpoch(packed, size, lengths, (items) => shuffler.shuffle(items))
          expect(plan.flatMap((batch) => batch.lines.flat()).toSorted((a, b) => a - b)).toEqual(
            packed.map((_, i) => i),
          )
          for (const batch of plan) {
            expect(batch.lines.length).toBeLessThanOrEqual(size)
            expect(lengths).toContain(batch.length)
            for (const [i = -1] of batch.lines)
              expect(positionsOf(packed[i] as PackedRow)).toBeLessThanOrEqual(batch.length)
          }
          expect(plan.filter((batch) => batch.lines.length < size).length).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  test('planEpoch with packing contains every row once and fills lines well', () => {
    fc.assert(
      fc.property(
        tokenRows,
        fc.integer({ min: 8, max: 64 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (rows, context, size, shortFirst) => {
          const packed = packRows(rows, context).rows
          const shuffler = makeShuffler(3)
          const plan = planEpoch(packed, size, bucketLengths(context), (items) => shuffler.shuffle(items), {
            packs: true,
            shortFirst,
          })
          expect(plan.flatMap((batch) => batch.lines.flat()).toSorted((a, b) => a - b)).toEqual(
            packed.map((_, i) => i),
          )
          const fills = plan.flatMap(({ lines }) =>
            lines.map((line) => line.reduce((sum, i) => sum + positionsOf(packed[i]!), 0)),
          )
          expect(Math.max(0, ...fills)).toBeLessThanOrEqual(context)
          // Of any two lines that were open at the same time, one is more than half full (first fit).
          expect(fills.filter((fill) => fill <= context / 2).length).toBeLessThanOrEqual(
            1 + Math.floor(fills.length / 32),
          )
          for (const { lines } of plan)
            expect(
              makeBatch(
                lines.map((line) => line.map((i) => packed[i]!)),
                size,
                context,
                { packs: true },
              ).counted,
            ).toBeGreaterThan(0)
        },
      ),
    )
  })

  test('planEpoch puts short rows first in the first epoch with shortFirst', () => {
    const rows = Array.from({ length: 40 }, (_, i): PackedRow => ({
      tokens: new Int32Array(2 + ((i * 7) % 31)),
      from: 0,
    }))
    const shuffler = makeShuffler(5)
    const plan = planEpoch(rows, 4, bucketLengths(32), (items) => shuffler.shuffle(items), {
      shortFirst: true,
    })
    const lengths = plan.flatMap(({ lines }) => lines.flat().map((i) => positionsOf(rows[i]!)))
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b))
    const order = new BatchOrder(rows, 4, bucketLengths(32), makeShuffler(5), undefined, { shortFirst: true })
    const batches = Array.from({ length: 20 }, () => order.take())
    const second = batches.slice(10).flatMap(({ lines }) => lines.flat().map((i) => positionsOf(rows[i]!)))
    expect(second).not.toEqual(second.toSorted((a, b) => a - b))
  })

  test('makeBatch picks the predictions that count with target and weight and pads with weight 0', () => {
    const rows: PackedRow[] = [
      { tokens: Int32Array.of(5, 6, 7, 8), from: 1 },
      { tokens: Int32Array.of(9, 3), from: 0 },
    ]
    const batch = makeBatch(
      rows.map((row) => [row]),
      3,
      4,
    )
    expect(batch.counted).toBe(3)
    expect([...batch.ids]).toEqual([5n, 6n, 7n, 0n, 9n, 0n, 0n, 0n, 0n, 0n, 0n, 0n])
    expect([...batch.picked]).toEqual([1n, 2n, 4n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n])
    expect([...batch.targets]).toEqual([7, 8, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    expect([...batch.weights]).toEqual([1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0, 0, 0, 0, 0, 0].map(Math.fround))
    expect(
      makeBatch(
        Array.from({ length: 8 }, () => [{ tokens: new Int32Array(12), from: 5 }]),
        8,
        16,
      ).picked,
    ).toHaveLength(64)
  })

  test('makeBatch counts each prediction as often as the row says', () => {
    const row: PackedRow = {
      tokens: Int32Array.from([5, 6, 7, 8, 9]),
      from: 1,
      times: Uint8Array.from([9, 2, 0, 1]),
    }
    const batch = makeBatch([[row]], 1, 5)
    expect(batch.counted).toBe(3)
    expect([...batch.picked].slice(0, 3)).toEqual([1n, 3n, 0n])
    expect([...batch.targets].slice(0, 3)).toEqual([7, 9, 0])
    expect([...batch.weights].slice(0, 3)).toEqual([2 / 3, 1 / 3, 0].map(Math.fround))
  })

  test('bucketLengths returns the context and its halves', () => {
    expect(bucketLengths(128)).toEqual([16, 32, 64, 128])
    expect(bucketLengths(512)).toEqual([64, 128, 256, 512])
    expect(bucketLengths(20)).toEqual([20])
  })
})

test('BatchOrder resumes at any cursor with the same batches', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(50),
      (count, size, stop) => {
        const rows = Array.from({ length: count }, (_, i): PackedRow => ({
          tokens: new Int32Array(2 + (i % 7) * 4),
          from: 0,
        }))
        const lengths = bucketLengths(32)
        const first = new BatchOrder(rows, size, lengths, makeShuffler(7))
        for (let i = 0; i < stop; i++) first.take()
        const { cursor } = first
        const second = new BatchOrder(rows, size, lengths, makeShuffler(cursor.random[0]), cursor)
        for (let i = 0; i < 40; i++) expect(second.take()).toEqual(first.take())
        expect(second.cursor).toEqual(first.cursor)
      },
    ),
  )
})
