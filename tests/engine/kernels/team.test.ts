// Threads: the same bits with any number of them, helpers that join late or never, programs and pauses at random, and threads that end.
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { CONTROL } from '../../../src/engine/kernels/layouts.ts'
import { instantiateKernels, type Kernels } from '../../../src/engine/kernels/module.ts'
import { measureThreads } from '../../../src/engine/kernels/measure-threads.ts'
import { workTogether, type StartHelper, type Team } from '../../../src/engine/kernels/team.ts'
import { runTexts } from '../compare-logits.ts'
import { asFourBits, makeGguf, oracle } from '../small-architectures.ts'
import { openTestKernels } from './open-kernels.ts'
import { openModel, storedGguf } from './open-model.ts'
import { makeNumbers } from './random.ts'

const workers: Worker[] = []
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
})

/** What `help` does, in a thread of Node; `delay`: milliseconds before. */
const SCRIPT = `
const { parentPort, workerData: { delay } } = require('node:worker_threads')
parentPort.once('message', ({ module, memory, control, thread }) => {
  setTimeout(async () => {
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
    exports.serve(control, thread)
  }, delay)
})`

const startAfter =
  (delay: number): StartHelper =>
  () => {
    const worker = new Worker(SCRIPT, { eval: true, workerData: { delay } })
    workers.push(worker)
    return {
      started: new Promise((resolve) => worker.once('online', resolve)),
      begin: (start) => worker.postMessage(start),
      end: () => void worker.terminate(),
    }
  }

const openShared = (): Promise<Kernels> => openTestKernels('plain', true)
const saved = oracle.models['qwen3 with wide heads']
if (saved === undefined) throw new Error('the oracle has no qwen3')
const ends = oracle.texts.map(({ length }) => length)

/** Logits of both texts in chunks, as a batch. */
async function compute(threads: number, delay = 0): Promise<Float32Array[][]> {
  const team = (kernels: Kernels): Promise<Team> => workTogether(kernels, threads, startAfter(delay))
  const { model } = await openModel(await storedGguf(makeGguf(saved!, asFourBits)), 'packed', {
    kernels: await openShared(),
    team,
  })
  const logits = await runTexts(model, [
    [14, 15, 16, 30, ends[0] ?? 0],
    [5, 6, 14, 15, ends[1] ?? 0],
  ])
  await model.release()
  return logits
}

test('compute the same bits as one thread without shared memory', async () => {
  const { model } = await openModel(await storedGguf(makeGguf(saved!, asFourBits)), 'packed')
  const alone = await runTexts(model, [
    [14, 15, 16, 30, ends[0] ?? 0],
    [5, 6, 14, 15, ends[1] ?? 0],
  ])
  for (const threads of [1, 2, 3, 5]) expect(await compute(threads)).toEqual(alone)
})

test('do not wait for a helper that never comes', async () => {
  let ended = 0
  const kernels = await openShared()
  const team = await workTogether(kernels, 3, () => ({
    started: new Promise(() => undefined),
    begin: () => undefined,
    end: () => void ended++,
  }))
  const { model } = await openModel(await storedGguf(makeGguf(saved!, asFourBits)), 'packed', {
    kernels,
    team: async () => team,
  })
  expect({ threads: team.threads, ended }).toEqual({ threads: 1, ended: 2 })
  expect((await runTexts(model, [[20]]))[0]).toHaveLength(20)
  await model.release()
}, 20_000)

test('end well in 2,000 programs with pauses at random, helpers that join in the middle and two teams', async () => {
  const kernels = await openShared()
  const random = makeNumbers(3)
  for (let round = 0; round < 2; round++) {
    const early = await workTogether(kernels, 3, startAfter(0))
    const { model, decoder } = await openModel(await storedGguf(makeGguf(saved!, asFourBits)), 'packed', {
      kernels,
      team: async () => early,
    })
    const expected = (await runTexts(model, [[ends[0] ?? 0]]))[0] ?? []
    const tokens = oracle.texts[0] ?? []
    let programs = 0
    for (let i = 0; programs < 1000; i++) {
      const slot = model.open()
      const length = 1 + Math.floor(random() * tokens.length)
      const got = await model.step(
        [{ slot, tokens: tokens.slice(0, length), logitsAt: [length - 1] }],
        undefined,
        true,
      )
      expect(got).toEqual(expected[length - 1])
      model.close(slot)
      programs += 2
      // Long enough now and then for helpers to fall asleep.
      if (random() < 0.05) await new Promise((resolve) => setTimeout(resolve, random() * 8))
    }
    expect(decoder.pages.used).toBe(0)
    await model.release()
  }
}, 60_000)

test('let helpers return when the team is released', async () => {
  const kernels = await openShared()
  const team = await workTogether(kernels, 4, startAfter(0))
  const control = kernels.heap.used - CONTROL.bytes
  const ready = (): number => Atomics.load(kernels.heap.integers, (control + CONTROL.ready) / 4)
  expect(ready()).toBe(3)
  await team.release()
  expect(ready()).toBe(0)
})

test('continue with fewer helpers where these are faster, and let the others return', async () => {
  const kernels = await openShared()
  const counts: number[] = []
  const team = await workTogether(kernels, 4, startAfter(0), (own, available, lead) => {
    const chosen = measureThreads(own, available, (program, operations, threads) => {
      counts.push(threads)
      lead(program, operations, threads)
    })
    expect(chosen).toBeLessThanOrEqual(available)
    return 2
  })
  expect(new Set(counts)).toEqual(new Set([4, 2, 1]))
  expect(team.threads).toBe(2)
  const { model } = await openModel(await storedGguf(makeGguf(saved!, asFourBits)), 'packed', {
    kernels,
    team: async () => team,
  })
  expect(await runTexts(model, [[ends[0] ?? 0]])).toEqual([(await compute(1))[0]])
  await model.release()
})

test('refuse memory that is not shared', async () => {
  const kernels = await openTestKernels()
  await expect(workTogether(kernels, 2, startAfter(0))).rejects.toThrow(RangeError)
  await expect(
    instantiateKernels(
      await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
      kernels.heap.memory,
    ),
  ).rejects.toThrow(TypeError)
})
