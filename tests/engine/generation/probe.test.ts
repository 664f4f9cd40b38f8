// The best number of rows is found by a clock that is given, within its time, and nothing is left behind.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Generator } from '../../../src/engine/generation/generator.ts'
import { probeBatch } from '../../../src/engine/generation/probe.ts'
import type { CachedModel } from '../../../src/engine/generation/cached-model.ts'
import { makeHostModel } from '../../../src/engine/generation/host-cache.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

let model: CachedModel
beforeAll(async () => {
  model = await makeHostModel(await openTestRuntime(), makeTinyWeights(), 8, 256)
})
afterAll(() => model.release())

/** The model, and a clock by which each step takes what `cost` says for its rows. */
function timed(cost: (rows: number) => number): { model: CachedModel; now: () => number; asked: number[] } {
  let clock = 5
  const asked: number[] = []
  const step: CachedModel['step'] = (rows, ...rest) => {
    clock += cost(rows.length)
    asked.push(rows.length)
    return model.step(rows, ...rest)
  }
  return {
    model: new Proxy(model, {
      get: (target, name) =>
        name === 'step'
          ? step
          : typeof Reflect.get(target, name) === 'function'
            ? Reflect.get(target, name).bind(target)
            : Reflect.get(target, name),
    }),
    now: () => clock,
    asked,
  }
}

test('the smallest number of rows that is nearly the fastest is taken', async () => {
  const bandwidth = timed((rows) => 30 + 8 * Math.max(0, rows - 4)) // four rows cost what one does
  expect((await probeBatch(bandwidth.model, bandwidth)).batch).toBe(4)
  const flat = timed(() => 10)
  expect((await probeBatch(flat.model, flat)).batch).toBe(32)
  const alone = timed((rows) => rows * 20)
  const { batch, speeds } = await probeBatch(alone.model, alone)
  expect(batch).toBe(1)
  expect(speeds.map((speed) => speed.batch)).toEqual([1, 2, 4])
  for (const { tokensPerSecond } of speeds) expect(tokensPerSecond).toBeCloseTo(50)
})

test('no other number of rows is begun when the time is over, and the room is what it was', async () => {
  const slow = timed(() => 300)
  const { batch, speeds } = await probeBatch(slow.model, slow)
  expect(speeds.map((speed) => speed.batch)).toEqual([1, 2])
  expect(batch).toBe(2)
  expect(model.slots).toBe(8)
  expect(slow.asked).toHaveLength(10) // for each: one to fill a row, one to warm up, three that count
  const broken = timed(() => 1)
  const fails: CachedModel = new Proxy(broken.model, {
    get: (target, name) =>
      name === 'step' ? () => Promise.reject(new Error('the heap is full')) : Reflect.get(target, name),
  })
  await expect(probeBatch(fails, broken)).rejects.toThrow('the heap is full')
  expect(model.slots).toBe(8)
  for (let i = 0; i < 8; i++) model.open()
  expect(() => model.resize(4)).toThrow(/8 rows are open/)
  for (let slot = 0; slot < 8; slot++) model.close(slot)
})

test('a hiccup of the machine does not decide about a small model', async () => {
  // Something else takes the machine for some steps of eight and of twelve rows.
  const seen = new Map<number, number>()
  const restless = timed((rows) => {
    seen.set(rows, (seen.get(rows) ?? 0) + 1)
    return (rows === 8 || rows === 12) && (seen.get(rows) ?? 0) <= 5 ? 9 : 2
  })
  expect((await probeBatch(restless.model, restless)).batch).toBe(32)
})

test('a generator works on as many rows as it is limited to, and refuses what does not fit', async () => {
  const generator = await Generator.create(await openTestRuntime(), makeTinyWeights(), byteTokenizer, {
    maxBatch: 2,
  })
  const { speeds } = await generator.probeBatch({ now: () => performance.now(), batches: [1, 3] })
  expect(speeds).toHaveLength(2)
  expect(generator.maxBatch).toBe(2)
  await generator.limitBatch(16)
  expect(generator.maxBatch).toBe(16)
  const results: string[] = []
  await generator.generate(
    Array.from({ length: 20 }, (_, i) => ({
      id: `${i}`,
      tokens: [65 + i],
      sampling: {
        temperature: 0,
        topK: 0,
        topP: 1,
        minP: 0,
        repetitionPenalty: 1,
        maxTokens: 3,
        stop: [],
        rngSeed: '',
      },
    })),
    { onResult: ({ id }) => results.push(id) },
  )
  expect(results).toHaveLength(20)
  await expect(generator.limitBatch(0)).rejects.toThrow(/1 to 32 fit/)
  await expect(generator.limitBatch(generator.mostBatch + 1)).rejects.toThrow(RangeError)
  await generator.release()
})
