import { flushSync } from 'svelte'
import { describe, expect, test } from 'vitest'
import { RetortError } from '../../../src/protocol/errors.ts'
import { drain, Task } from '../../../src/state/parts/task.svelte.ts'
import { watch } from './watch.svelte.ts'

async function* count(to: number): AsyncGenerator<number, string> {
  for (let n = 1; n <= to; n++) yield n
  return 'done'
}

describe('Task', () => {
  test('runs while its work does, shows the latest progress and returns the result', async () => {
    const task = new Task<number>()
    const seen: (number | undefined)[] = []
    const end = watch(() => void seen.push(task.progress))
    const work = task.follow(() => count(3))
    expect(task.running).toBe(true)
    expect(await work).toBe('done')
    flushSync()
    end()
    expect(task.running).toBe(false)
    expect(seen.at(-1)).toBe(3)
  })

  test('keeps the sentence of an error until the next start', async () => {
    const task = new Task()
    expect(
      await task.do(() => Promise.reject(new RetortError('StorageFull', 'The disk is full.'))),
    ).toBeUndefined()
    expect(task.error).toBe('The disk is full.')
    await task.do(async () => 1)
    expect(task.error).toBeUndefined()
  })

  test('aborts its signal at a stop, which is not an error', async () => {
    const task = new Task()
    const work = task.do(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    task.stop()
    expect(await work).toBeUndefined()
    expect(task.error).toBeUndefined()
    expect(task.running).toBe(false)
  })

  test('does nothing at a second start while it is running', async () => {
    const task = new Task()
    const first = task.do(
      (signal) => new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('first'))),
    )
    expect(await task.do(async () => 'second')).toBeUndefined()
    task.stop()
    expect(await first).toBe('first')
  })

  test('does not re-run an effect that started it when the work ends', async () => {
    const task = new Task()
    let starts = 0
    const end = watch(() => {
      starts++
      void task.do(async () => undefined)
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    flushSync()
    end()
    expect(starts).toBe(1)
  })
})

test('drain passes on what a generator yields and what it throws', async () => {
  const seen: number[] = []
  expect(await drain(count(2), (n) => seen.push(n))).toBe('done')
  expect(seen).toEqual([1, 2])
  const broken = (async function* (): AsyncGenerator<number, never> {
    yield 1
    throw new RangeError('no')
  })()
  await expect(drain(broken, () => undefined)).rejects.toThrow('no')
})
