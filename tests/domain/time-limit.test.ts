// Knows: that silent work is given up in time, and that neither a sign of life, nor sleep, nor a late result is taken for silence.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { endWithin, SilenceTimer } from '../../src/domain/time-limit.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const late = (): Error => new Error('too late')
const hang = (): Promise<never> => new Promise(() => undefined)

test('reports silence once, after the whole limit', () => {
  const onSilence = vi.fn()
  const timer = new SilenceTimer(8000, onSilence)
  vi.advanceTimersByTime(7999)
  expect(onSilence).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(onSilence).toHaveBeenCalledOnce()
  timer.heard()
  vi.advanceTimersByTime(100_000)
  expect(onSilence).toHaveBeenCalledOnce()
})

test('begins again with each sign of life, and ends', () => {
  const onSilence = vi.fn()
  const timer = new SilenceTimer(8000, onSilence)
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(7000)
    timer.heard()
  }
  timer.end()
  vi.advanceTimersByTime(100_000)
  expect(onSilence).not.toHaveBeenCalled()
})

test('does not count the time in which the machine sleeps', () => {
  // After sleep a browser fires the timer that is due, and no other: however long it slept, one part of the limit is over.
  let wake: () => void = () => undefined
  const begun: number[] = []
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, ms: number) => {
    begun.push(ms)
    wake = callback
    return begun.length
  }) as never)
  const onSilence = vi.fn()
  const timer = new SilenceTimer(8000, onSilence)
  wake()
  expect(onSilence).not.toHaveBeenCalled()
  expect(begun.at(-1)).toBeLessThanOrEqual(1000)
  timer.end()
  vi.restoreAllMocks()
})

test('passes on what the work returns or throws', async () => {
  expect(await endWithin({ limit: 10, late }, async () => 1)).toBe(1)
  const broken = new RangeError('broken')
  await expect(endWithin({ limit: 10, late }, () => Promise.reject(broken))).rejects.toBe(broken)
  await expect(
    endWithin({ limit: 10, late }, () => {
      throw broken
    }),
  ).rejects.toBe(broken)
  expect(vi.getTimerCount()).toBe(0)
})

test('throws when the work is late, and releases what it returns after that', async () => {
  let finish: (value: string) => void = () => undefined
  const onLateResult = vi.fn()
  const work = endWithin(
    { limit: 8000, late, onLateResult },
    () => new Promise<string>((done) => (finish = done)),
  )
  const outcome = expect(work).rejects.toThrow('too late')
  await vi.advanceTimersByTimeAsync(8000)
  await outcome
  expect(onLateResult).not.toHaveBeenCalled()
  finish('a handle')
  await vi.advanceTimersByTimeAsync(0)
  expect(onLateResult).toHaveBeenCalledExactlyOnceWith('a handle')
  await expect(
    Promise.race([
      endWithin({ limit: 8000, late }, hang),
      vi.advanceTimersByTimeAsync(7999).then(() => 'waits'),
    ]),
  ).resolves.toBe('waits')
})
