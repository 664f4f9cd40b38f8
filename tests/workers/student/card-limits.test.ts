// How a step is split so that no run keeps a graphics card busy for too long: the plan from times, and a training that follows it.
import { describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'
import { MAX_RUN_MS, planForCard, describeCardPlan } from '../../../workers/student/card-limits.ts'
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

/** A plan for a card whose forward pass takes `msOf(rows)`, and the row counts that were tried. */
async function plan(
  rowsPerStep: number,
  msOf: (rows: number) => number,
): Promise<{ microBatches: number; microBatchMs: number; tried: number[] }> {
  const tried: number[] = []
  const planned = await planForCard(rowsPerStep, async (rows) => {
    tried.push(rows)
    return msOf(rows)
  })
  return { ...planned, tried }
}

describe('planForCard', () => {
  test('plans one micro-batch after one trial for a fast card', async () => {
    expect(await plan(8, () => 5)).toEqual({ microBatches: 1, microBatchMs: 120, tried: [1] })
  })

  test('splits a step until each micro-batch is below the limit', async () => {
    const { microBatches, microBatchMs, tried } = await plan(32, (rows) => 20 * rows)
    expect({ microBatches, tried }).toEqual({ microBatches: 4, tried: [1, 2, 4, 8, 16] })
    expect(microBatchMs).toBeLessThanOrEqual(MAX_RUN_MS)
  })

  test('stops at the first trial that takes too long and never tries more rows than a step has', async () => {
    expect((await plan(64, (rows) => (rows > 2 ? 400 : 100))).tried).toEqual([1, 2, 4])
    expect((await plan(3, () => 160)).tried).toEqual([1, 2])
  })

  test('plans one row per micro-batch if one row is too slow or its time is NaN, and suggests a remedy', async () => {
    const slow = await plan(6, () => 900)
    expect(slow).toMatchObject({ microBatches: 6, microBatchMs: 2700 })
    expect(describeCardPlan(slow)).toMatch(
      /^Even one row takes this graphics card about 2\.7 s.*A shorter context or a smaller size/,
    )
    expect((await plan(6, () => Number.NaN)).microBatches).toBe(6)
    expect(describeCardPlan({ microBatches: 1, microBatchMs: 10 })).toBeUndefined()
    expect(describeCardPlan({ microBatches: 3, microBatchMs: 400 })).toMatch(/into 3 micro-batches/)
  })
})

/** Trains on the test's runtime with the given backend name and a clock in which each forward pass takes `forwardMs`. */
async function trainOnCard(
  stores: MemoryStores,
  forwardMs: number,
  backend: 'wasm' | 'webgpu',
): Promise<TrainEvent[]> {
  const real = await openTestRuntime()
  let clock = 0
  const runtime: Runtime = {
    ...real,
    backend,
    open: async (model, _options) => {
      const session = await real.open(model)
      return {
        ...session,
        run: async (feeds, wanted) => {
          clock += forwardMs
          return session.run(feeds, wanted)
        },
      }
    },
  }
  const events: TrainEvent[] = []
  await train(
    { ...IDS, settings: { ...SETTINGS, steps: 3, evaluateEvery: 3, batchSize: 4 }, backend },
    { signal: new AbortController().signal, emit: (event) => events.push(event) },
    { stores, openRuntime: async () => runtime, now: () => clock },
  )
  return events
}

test('splits the steps of a training on a slow card, reports it, and gets the same weights', async () => {
  const [plain, slow] = [makeMemoryStores(makeRows(12, 4)), makeMemoryStores(makeRows(12, 4))]
  await trainOnCard(plain, 300, 'wasm')
  const events = await trainOnCard(slow, 300, 'webgpu')
  const sentences = events.flatMap((event) => (event.kind === 'phase' ? [event.sentence] : []))
  expect(sentences).toContain('Measuring how long the graphics card takes for one row.')
  expect(sentences.at(-1)).toMatch(
    /^Training 3 steps on 12 rows\. Even one row takes this graphics card about 0\.9 s/,
  )
  const [a, b] = [readCheckpoint(plain.checkpoint!), readCheckpoint(slow.checkpoint!)]
  if (!a.ok || !b.ok) throw new Error('a checkpoint could not be read')
  expect(worstDifference(a.checkpoint.state.weights, b.checkpoint.state.weights)).toBeLessThanOrEqual(2e-4)
  expect(b.checkpoint.state.weights).not.toEqual(a.checkpoint.state.weights) // summed over micro-batches
})

test('does not split the steps of a training on a fast card', async () => {
  const stores = makeMemoryStores(makeRows(12, 4))
  const events = await trainOnCard(stores, 1, 'webgpu')
  expect(events.findLast((event) => event.kind === 'phase')).toMatchObject({
    sentence: 'Training 3 steps on 12 rows.',
  })
})
