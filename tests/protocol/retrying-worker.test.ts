// Knows: that a worker whose script does not load is created again with what was sent to it, and that one that works is left alone.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { retryingWorker } from '../../src/protocol/retrying-worker.ts'

/** A worker that responds to its first message only if it is one of those that load. */
class HalfDead extends EventTarget {
  static made: HalfDead[] = []
  static loads = (index: number): boolean => index > 0
  readonly received: unknown[] = []
  terminated = false
  onmessage = null
  onmessageerror = null
  onerror = null
  readonly #loads = HalfDead.loads(HalfDead.made.push(this) - 1)
  postMessage(message: unknown): void {
    this.received.push(message)
    if (this.#loads) this.dispatchEvent(new MessageEvent('message', { data: `${String(message)} loaded` }))
  }
  terminate(): void {
    this.terminated = true
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  HalfDead.made = []
  HalfDead.loads = (index) => index > 0
})
afterEach(() => vi.useRealTimers())

it('creates a silent worker again, sends what was sent, and passes on the messages of the new one alone', () => {
  let retries = 0
  const Retrying = retryingWorker(HalfDead, () => retries++, 100)
  const heard: unknown[] = []
  const worker = new Retrying('thread.mjs')
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the glue assigns it
  worker.onmessage = ({ data }) => heard.push(data)
  worker.addEventListener('message', ({ data }) => heard.push(`again ${String(data)}`))
  worker.postMessage('load')
  vi.advanceTimersByTime(99)
  expect(HalfDead.made).toHaveLength(1)
  vi.advanceTimersByTime(1)
  const [silent, second] = HalfDead.made
  expect([silent?.terminated, second?.terminated]).toEqual([true, false])
  expect(second?.received).toEqual(['load'])
  silent?.dispatchEvent(new MessageEvent('message', { data: 'too late' }))
  expect(heard).toEqual(['load loaded', 'again load loaded'])
  worker.postMessage('run')
  vi.advanceTimersByTime(10_000)
  expect(HalfDead.made).toHaveLength(2)
  expect(second?.received).toEqual(['load', 'run'])
  expect(retries).toBe(1)
})

it('leaves the fourth worker all the time that it needs', () => {
  HalfDead.loads = () => false
  const worker = new (retryingWorker(HalfDead, undefined, 100))('thread.mjs')
  worker.postMessage('load')
  vi.advanceTimersByTime(10_000)
  expect(HalfDead.made.map(({ terminated }) => terminated)).toEqual([true, true, true, false])
})

it('creates none after it is terminated, nor once something was transferred to it', () => {
  HalfDead.loads = () => false
  const Retrying = retryingWorker(HalfDead, undefined, 100)
  new Retrying('thread.mjs').terminate()
  new Retrying('thread.mjs').postMessage(1, [new ArrayBuffer(8)])
  vi.advanceTimersByTime(10_000)
  expect(HalfDead.made).toHaveLength(2)
  expect(HalfDead.made[0]?.terminated).toBe(true)
})
