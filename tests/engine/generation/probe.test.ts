// The best batch size is measured with an injected clock, within its time budget, and the model is restored.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Generator } from '../../../src/engine/generation/generator.ts'
import { probeBatchSize } from '../../../src/engine/generation/probe.ts'
import type { CachedModel } from '../../../src/engine/generation/cached-model.ts'
import { makeHostModel } from '../../../src/engine/generation/host-cache.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

let model: CachedModel
beforeAll(async () => {
  model = await makeHostModel(await openTestRuntime(), makeTinyWeights(), 8, 256)
})
afterAll(() => model.release())

/** The model, and a clock by which a step takes `cost(rows)` milliseconds. */
function timed(cost: (rows: number) => number): {
  model: CachedModel
  now: () => number
  stepSizes: number[]
} {
  let clock = 5
  const stepSizes: number[] = []
  const step: CachedModel['step'] = (rows, ...rest) => {
    clock += cost(rows.length)
    stepSizes.push(rows.length)
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
    stepSizes,
  }
}

test('picks the smallest batch size that is nearly the fastest', async () => {
  const bandwidth = timed((rows) => 30 + 8 * Math.max(0, rows - 4)) // four rows cost the same as one
  expect((await probeBatchSize(bandwidth.model, bandwidth)).batchSize).toBe(4)
  const flat = timed(() => 10)
  expect((await probeBatchSize(flat.model, flat)).batchSize).toBe(32)
  const alone = timed((rows) => rows * 20)
  const { batchSize, speeds } = await probeBatchSize(alone.model, alone)
  expect(batchSize).toBe(1)
  expect(speeds.map((speed) => speed.batchSize)).toEqual([1, 2, 4])
  for (const { tokensPerSecond } of speeds) expect(tokensPerSecond).toBeCloseTo(50)
})

test('measures no further size after the time budget and restores the slots, also after an error', async () => {
  const slow = timed(() => 300)
  const { batchSize, speeds } = await probeBatchSize(slow.model, slow)
  expect(speeds.map((speed) => speed.batchSize)).toEqual([1, 2])
  expect(batchSize).toBe(2)
  expect(model.slots).toBe(8)
  expect(slow.stepSizes).toHaveLength(10) // for each: one prefill, one warm-up, three measured steps
  const broken = timed(() => 1)
  const fails: CachedModel = new Proxy(broken.model, {
    get: (target, name) =>
      name === 'step' ? () => Promise.reject(new Error('the heap is full')) : Reflect.get(target, name),
  })
  await expect(probeBatchSize(fails, broken)).rejects.toThrow('the heap is full')
  expect(model.slots).toBe(8)
  for (let i = 0; i < 8; i++) model.open()
  expect(() => model.resize(4)).toThrow(/8 rows are open/)
  for (let slot = 0; slot < 8; slot++) model.close(slot)
})

test('ignores a few slow steps of a small model', async () => {
  // Another program slows down some steps of eight and of twelve rows.
  const seen = new Map<number, number>()
  const restless = timed((rows) => {
    seen.set(rows, (seen.get(rows) ?? 0) + 1)
    return (rows === 8 || rows === 12) && (seen.get(rows) ?? 0) <= 5 ? 9 : 2
  })
  expect((await probeBatchSize(restless.model, restless)).batchSize).toBe(32)
})

test('sets the batch size of a generator and rejects one that does not fit', async () => {
  const generator = await Generator.create(await openTestRuntime(), makeTinyWeights(), byteTokenizer, {
    batchSize: 2,
  })
  const { speeds } = await generator.probeBatchSize({ now: () => performance.now(), batchSizes: [1, 3] })
  expect(speeds).toHaveLength(2)
  expect(generator.batchSize).toBe(2)
  await generator.setBatchSize(16)
  expect(generator.batchSize).toBe(16)
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
  await expect(generator.setBatchSize(0)).rejects.toThrow(/range 1 to 32/)
  await expect(generator.setBatchSize(generator.maxBatchSize + 1)).rejects.toThrow(RangeError)
  await generator.release()
})
