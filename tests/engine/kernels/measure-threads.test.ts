// The number of threads that is chosen, from times that the test decides, and what is left of a team.
import { expect, test } from 'vitest'
import { measureThreads } from '../../../src/engine/kernels/measure-threads.ts'
import { openTestKernels } from './open-kernels.ts'

/** The choice if a program takes this many milliseconds with each number of threads. */
async function choose(available: number, ms: (threads: number) => number): Promise<number> {
  const kernels = await openTestKernels()
  const before = kernels.heap.used
  let time = 0
  const chosen = measureThreads(
    kernels,
    available,
    (program, operations, threads) => {
      kernels.functions.run(program, operations, 0)
      time += ms(threads)
    },
    () => time,
  )
  expect(kernels.heap.used).toBe(before)
  return chosen
}

test('is the largest if more threads are faster', async () => {
  expect(await choose(8, (threads) => 80 / threads)).toBe(8)
  expect(await choose(3, (threads) => 80 / threads)).toBe(3)
  expect(await choose(1, () => 5)).toBe(1)
})

test('is smaller where the browser reports more cores than there are', async () => {
  expect(await choose(4, (threads) => (threads > 2 ? 90 : 40 / threads))).toBe(2)
  expect(await choose(8, (threads) => 10 + threads)).toBe(1)
})

test('stays the largest if the difference is noise', async () => {
  let calls = 0
  expect(await choose(2, () => 20 + (calls++ % 2 === 0 ? 0.2 : -0.2))).toBe(2)
})
