// Knows: that the number of threads is measured, not believed: slower or failing numbers are not used, and the result is stored.
import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import {
  doubtThreads,
  findMeasuredThreads,
  measureThreads,
} from '../../../src/actions/machine/measure-threads.ts'
import { openWorker } from '../../../src/protocol/supervised-worker.ts'
import type { ThreadsContract } from '../../../src/protocol/threads.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { putThreads } from '../../../src/storage/threads.ts'
import { WorkerStandIn } from '../../stand-ins/worker.ts'

/** A machine whose runtime has these runs per second with each number of threads; a number without a speed does not start. */
async function machine(speeds: Readonly<Record<number, number>>, cores: number, granted = Infinity) {
  const measured: number[] = []
  const workers: WorkerStandIn<ThreadsContract>[] = []
  return {
    measured,
    workers,
    db: await openDatabase(crypto.randomUUID()),
    cores,
    now: () => 7,
    open: () =>
      openWorker<ThreadsContract>(() => {
        const worker = new WorkerStandIn<ThreadsContract>({
          measure: async ({ threads }) => {
            measured.push(threads)
            const runsPerSecond = speeds[threads]
            if (runsPerSecond === undefined) throw new Error('no room for a thread')
            return { threads: Math.min(threads, granted), runsPerSecond }
          },
        })
        workers.push(worker)
        return worker
      }),
  }
}

test.each([
  [
    'two cores that are reported as four, where waiting costs more than it brings',
    { 1: 3636, 2: 1538, 4: 85 },
    4,
    1,
    [1, 2, 2],
  ],
  ['two real cores that are reported as four', { 1: 100, 2: 180, 4: 20 }, 4, 2, [1, 2, 4, 4]],
  ['six cores', { 1: 100, 2: 190, 4: 330, 6: 420 }, 6, 6, [1, 2, 4, 6]],
  ['a gain that is within the noise', { 1: 100, 2: 105 }, 2, 2, [1, 2]],
  ['a loss that is within the noise', { 1: 335, 2: 318 }, 2, 2, [1, 2]],
  ['a number that does not start', { 1: 100, 2: 190 }, 8, 2, [1, 2, 4]],
  ['nothing that starts', {}, 4, 1, [1]],
  ['more cores than are used', { 1: 1, 2: 2, 4: 4, 8: 8 }, 64, 8, [1, 2, 4, 8]],
] as const)('finds the best number of threads: %s', async (_name, speeds, cores, best, tried) => {
  const here = await machine(speeds, cores)
  const result = await measureThreads(here)
  expect(result.threads).toBe(best)
  expect(here.measured).toEqual(tried)
  expect(here.workers.every(({ ended }) => ended)).toBe(true)
})

test('stores the result for the machine, unless a number of threads did not start', async () => {
  const here = await machine({ 1: 100, 2: 190 }, 2)
  expect(await findMeasuredThreads(here)).toBeUndefined()
  const result = await measureThreads(here)
  expect(await findMeasuredThreads(here)).toEqual(result)
  expect(await findMeasuredThreads({ ...here, cores: 4 })).toBeUndefined()
  // The cause may pass: the next start measures again.
  for (const speeds of [{}, { 1: 100, 2: 190 }]) {
    const broken = await machine(speeds, 4)
    await measureThreads(broken)
    expect(await findMeasuredThreads(broken)).toBeUndefined()
  }
})

test('does not count a number of threads that the browser did not grant', async () => {
  const here = await machine({ 1: 100, 2: 190, 4: 400 }, 4, 2)
  const { threads, rates } = await measureThreads(here)
  expect(threads).toBe(2)
  expect(rates.map((rate) => rate.threads)).toEqual([1, 2])
})

test('stores nothing that is uncertain: the next start measures again, when the machine may be less busy', async () => {
  for (const speeds of [
    { 1: 335, 2: 318 },
    { 1: 318, 2: 335 },
    { 1: 100, 2: 110, 4: 85 },
  ]) {
    const here = await machine(speeds, 4)
    await measureThreads(here)
    expect(await findMeasuredThreads(here)).toBeUndefined()
  }
})

test('measures a number that seems slower twice, as another program may have been busy', async () => {
  const here = await machine({ 1: 100, 2: 190 }, 2)
  const speeds = [100, 30, 190]
  const open = () =>
    openWorker<ThreadsContract>(
      () =>
        new WorkerStandIn<ThreadsContract>({
          measure: async ({ threads }) => ({ threads, runsPerSecond: speeds.shift() ?? 0 }),
        }),
    )
  expect(await measureThreads({ ...here, open })).toMatchObject({
    threads: 2,
    rates: [{ runsPerSecond: 100 }, { runsPerSecond: 190 }],
  })
})

test('does not use a stored result that is old, of a later time, doubted, or uncertain by today’s rule', async () => {
  const here = await machine({ 1: 100, 2: 190 }, 2)
  const result = await measureThreads(here)
  const day = 24 * 3_600_000
  expect(await findMeasuredThreads({ ...here, now: () => 29 * day })).toEqual(result)
  expect(await findMeasuredThreads({ ...here, now: () => 31 * day })).toBeUndefined()
  expect(await findMeasuredThreads({ ...here, now: () => 0 })).toBeUndefined()
  await doubtThreads(here.db)
  expect(await findMeasuredThreads(here)).toBeUndefined()
  const rates = [
    { threads: 1, runsPerSecond: 335 },
    { threads: 2, runsPerSecond: 318 },
  ]
  await putThreads(here.db, { device: '2 cores', threads: 1, rates, measuredAt: 7 })
  expect(await findMeasuredThreads(here)).toBeUndefined()
})
