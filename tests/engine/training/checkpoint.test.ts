// Checkpoints: a file is read as it was written, broken files are refused, and training resumes bit for bit.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchOrder, type Shuffler } from '../../../src/engine/training/batch-order.ts'
import {
  finalWeights,
  readCheckpoint,
  writeCheckpoint,
  type Checkpoint,
} from '../../../src/engine/training/checkpoint.ts'
import { crc32 } from '../../../src/engine/training/crc32.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { openTestRuntime } from '../session.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'

const TINY = {
  ...SMALL,
  layers: 1,
  width: 8,
  heads: 2,
  kvHeads: 1,
  headWidth: 4,
  feedForward: 8,
  vocabulary: 6,
}
const makeTiny = (): Checkpoint => ({
  shape: TINY,
  state: { ...initialState(makeSmallWeights(TINY)), step: 7 },
  cursor: { epoch: 1, next: 3, random: [1, 2, 3, 4294967295] },
  tokenizer: { json: '{"model":"ü"}', config: '{}' },
  losses: [
    { step: 1, train: 2.5 },
    { step: 2, train: 2.25, heldOut: 2.4 },
  ],
  about: 'dataset 12',
})
/** With all optional parts: an average and the best weights. */
function makeFull(): Checkpoint {
  const tiny = makeTiny()
  return {
    ...tiny,
    state: { ...tiny.state, average: tiny.state.weights.map((x) => x / 2) },
    best: { step: 5, heldOut: 2.25, weights: tiny.state.weights.map((x) => x + 1) },
  }
}

describe('readCheckpoint', () => {
  test('returns what writeCheckpoint wrote, from any offset of a larger buffer', () => {
    const checkpoint = makeTiny()
    const bytes = writeCheckpoint(checkpoint)
    const { state, best } = makeFull()
    for (const whole of [
      checkpoint,
      { ...checkpoint, state },
      { ...checkpoint, best: best! },
      { ...checkpoint, state, best: best! },
    ])
      expect(readCheckpoint(writeCheckpoint(whole))).toEqual({ ok: true, checkpoint: whole })
    expect(
      [checkpoint, { ...checkpoint, state }, { ...checkpoint, state, best: best! }].map(finalWeights),
    ).toEqual([checkpoint.state.weights, state.average, best?.weights])
    const shifted = new Uint8Array(bytes.length + 3)
    shifted.set(bytes, 3)
    expect(readCheckpoint(shifted.subarray(3))).toEqual({ ok: true, checkpoint })
  })

  test('refuses a truncated file with a sentence', () => {
    const bytes = writeCheckpoint(makeFull())
    for (let length = 0; length < bytes.length; length++) {
      const read = readCheckpoint(bytes.subarray(0, length))
      if (read.ok) throw new Error(`a checkpoint of ${length} of ${bytes.length} bytes was accepted`)
      expect(read.sentence).toMatch(
        /^The checkpoint cannot be used: .+\. Train this student again from the start\.$/,
      )
    }
  })

  test('refuses a file with one changed byte', () => {
    const bytes = writeCheckpoint(makeTiny())
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const broken = bytes.slice()
        broken[at] = (broken[at] as number) ^ change
        expect(readCheckpoint(broken).ok).toBe(false)
      }),
    )
  })

  test('never throws for random bytes', () => {
    const magic = writeCheckpoint(makeTiny()).subarray(0, 16)
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (bytes) => !readCheckpoint(bytes).ok && !readCheckpoint(new Uint8Array([...magic, ...bytes])).ok,
      ),
    )
  })

  test('uses the standard CRC-32', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
  })
})

const makeShuffler = (word: number): Shuffler => ({
  state: () => [word],
  shuffle: (items) =>
    items
      .map((item) => ({ item, key: (word = (Math.imul(word, 1664525) + 1013904223) >>> 0) }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ item }) => item),
})

test('training resumes from a checkpoint bit for bit', async () => {
  const runtime = await openTestRuntime()
  const rows = [1, 2, 3, 4].flatMap((step) => makeSmallRows(step))
  const start = (
    state = initialState(makeSmallWeights()),
    shuffler = makeShuffler(5),
    cursor?: Checkpoint['cursor'],
  ) => ({
    trainer: new Trainer(runtime, { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1 }, state),
    order: new BatchOrder(rows, 3, [6, 12], shuffler, cursor),
  })
  const run = async ({ trainer, order }: ReturnType<typeof start>, steps: number): Promise<number[]> => {
    const losses: number[] = []
    for (let i = 0; i < steps; i++) {
      const planned = order.take()
      losses.push(
        (
          await trainer.train(
            makeBatch(
              planned.lines.map((line) => line.map((r) => rows[r]!)),
              3,
              planned.length,
            ),
            1e-3,
          )
        ).loss,
      )
    }
    return losses
  }
  const whole = start()
  const losses = await run(whole, 12)
  const half = start()
  const before = await run(half, 7)
  const bytes = writeCheckpoint({
    shape: SMALL,
    state: await half.trainer.read(),
    cursor: half.order.cursor,
    tokenizer: { json: '{}', config: '{}' },
    losses: [],
    about: '',
  })
  const read = readCheckpoint(bytes)
  if (!read.ok) throw new Error(read.sentence)
  const { state, cursor } = read.checkpoint
  const resumed = start(state, makeShuffler(cursor.random[0] ?? 0), cursor)
  expect([...before, ...(await run(resumed, 5))]).toEqual(losses)
  expect(resumed.trainer.step).toBe(12)
  expect(await resumed.trainer.read()).toEqual(await whole.trainer.read())
  for (const { trainer } of [whole, half, resumed]) await trainer.release()
})
