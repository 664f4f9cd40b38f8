// How a step is cut so that no graphics card is busy for too long: the plan from times, and a training that follows it.
import { describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'
import { LONGEST_RUN_MS, planForCard, tellCardPlan } from '../../../workers/student/card-limits.ts'
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

/** A plan for a card whose forward pass takes what `msOf` says, and which row counts were tried. */
async function plan(
  lines: number,
  msOf: (rows: number) => number,
): Promise<{ parts: number; partMs: number; tried: number[] }> {
  const tried: number[] = []
  const found = await planForCard(lines, async (rows) => {
    tried.push(rows)
    return msOf(rows)
  })
  return { ...found, tried }
}

describe('a plan for a graphics card', () => {
  test('is one part after one trial where the card is quick', async () => {
    expect(await plan(8, () => 5)).toEqual({ parts: 1, partMs: 120, tried: [1] })
  })

  test('has as many parts as keep each below the limit where the time grows with the rows', async () => {
    const { parts, partMs, tried } = await plan(32, (rows) => 20 * rows)
    expect({ parts, tried }).toEqual({ parts: 4, tried: [1, 2, 4, 8, 16] })
    expect(partMs).toBeLessThanOrEqual(LONGEST_RUN_MS)
  })

  test('stops at the first trial that is too long, and never tries more rows than a step has', async () => {
    expect((await plan(64, (rows) => (rows > 2 ? 400 : 100))).tried).toEqual([1, 2, 4])
    expect((await plan(3, () => 160)).tried).toEqual([1, 2])
  })

  test('gives each row a part of its own where one alone is too long, or its time is not a number, and says what would help', async () => {
    const slow = await plan(6, () => 900)
    expect(slow).toMatchObject({ parts: 6, partMs: 2700 })
    expect(tellCardPlan(slow)).toMatch(
      /^Even one row takes this graphics card about 2\.7 s.*A shorter context or a smaller size/,
    )
    expect((await plan(6, () => Number.NaN)).parts).toBe(6)
    expect(tellCardPlan({ parts: 1, partMs: 10 })).toBeUndefined()
    expect(tellCardPlan({ parts: 3, partMs: 400 })).toMatch(/in 3 parts/)
  })
})

/** The test's runtime under the name of a graphics card, with a clock that says how long each forward pass took. */
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
    { ...IDS, settings: { ...SETTINGS, steps: 3, evaluateEvery: 3, batch: 4 }, backend },
    { signal: new AbortController().signal, emit: (event) => events.push(event) },
    { stores, openRuntime: async () => runtime, now: () => clock },
  )
  return events
}

test('a training on a slow card takes its steps in parts, says so, and comes to the same weights', async () => {
  const [plain, slow] = [makeMemoryStores(makeRows(12, 4)), makeMemoryStores(makeRows(12, 4))]
  await trainOnCard(plain, 300, 'wasm')
  const events = await trainOnCard(slow, 300, 'webgpu')
  const sentences = events.flatMap((event) => (event.kind === 'phase' ? [event.sentence] : []))
  expect(sentences).toContain('Trying how long the graphics card takes for a row.')
  expect(sentences.at(-1)).toMatch(
    /^Training 3 steps on 12 rows\. Even one row takes this graphics card about 0\.9 s/,
  )
  const [a, b] = [readCheckpoint(plain.checkpoint!), readCheckpoint(slow.checkpoint!)]
  if (!a.ok || !b.ok) throw new Error('a checkpoint could not be read')
  expect(worstDifference(a.checkpoint.state.weights, b.checkpoint.state.weights)).toBeLessThanOrEqual(2e-4)
  expect(b.checkpoint.state.weights).not.toEqual(a.checkpoint.state.weights) // added up in parts
})

test('a training on a quick card is not cut', async () => {
  const stores = makeMemoryStores(makeRows(12, 4))
  const events = await trainOnCard(stores, 1, 'webgpu')
  expect(events.findLast((event) => event.kind === 'phase')).toMatchObject({
    sentence: 'Training 3 steps on 12 rows.',
  })
})
