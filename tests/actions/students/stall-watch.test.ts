// Knows: that a training whose first step never ends is noticed, and one that is only slow, or computes, is left alone.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { firstStepLimit, StallWatch } from '../../../src/actions/train/stall-watch.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'
import type { TrainEvent } from '../../../src/protocol/student.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const phase = (name: Extract<TrainEvent, { kind: 'phase' }>['phase']): TrainEvent => ({
  kind: 'phase',
  phase: name,
  sentence: '',
})
const STEP: TrainEvent = {
  kind: 'step',
  point: { step: 1, train: 1 },
  tokensPerSecond: 1,
  learningRate: 1,
  gradientNorm: 1,
  msLeft: 1,
}

const limit = (parameters: number, changes: object): number =>
  firstStepLimit(parameters, {
    ...SMALL_TRAINING,
    batchSize: 32,
    context: 256,
    gradientAccumulation: 1,
    ...changes,
  }) ?? Infinity

test.each([
  ['steps that have begun and none ends', [phase('training')], 1],
  ['a download of the runtime that takes long', [phase('building')], 0],
  ['a step that has ended, and what follows takes long', [phase('training'), STEP], 0],
  ['a checkpoint that was stored', [phase('training'), { kind: 'checkpoint', step: 1 }], 0],
] as const)('%s', (_name, events, stalls) => {
  const onStall = vi.fn()
  const watch = new StallWatch(1000, onStall)
  for (const event of events) watch.handle(event)
  vi.advanceTimersByTime(999)
  expect(onStall).not.toHaveBeenCalled()
  vi.advanceTimersByTime(5000)
  expect(onStall).toHaveBeenCalledTimes(stalls)
})

test('a later step may take ten times as long, and is watched too', () => {
  const onStall = vi.fn()
  const watch = new StallWatch(1000, onStall)
  watch.handle(phase('training'))
  watch.handle(STEP)
  vi.advanceTimersByTime(9000)
  watch.handle(STEP)
  vi.advanceTimersByTime(9999)
  expect(onStall).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(onStall).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(100_000)
  expect(onStall).toHaveBeenCalledOnce()
})

test('a training that has ended is not watched', () => {
  const onStall = vi.fn()
  const watch = new StallWatch(1000, onStall)
  watch.handle(phase('training'))
  watch.end()
  vi.advanceTimersByTime(5000)
  expect(onStall).not.toHaveBeenCalled()
})

test('the limit grows with the work of a step, far beyond what a slow machine needs', () => {
  const small = limit(300_000, { batchSize: 8, context: 96 })
  const large = limit(25_000_000, {})
  expect(small).toBeGreaterThan(30_000)
  expect(small).toBeLessThan(40_000)
  // 1.2e12 operations: four minutes at 5 billion a second.
  expect(large).toBeGreaterThan(10 * 240_000)
})

test('counts the completions of GRPO and both rows of a pair, and waits for a lent teacher as long as it takes', () => {
  const one = limit(25_000_000, {}) - 30_000
  expect(limit(25_000_000, { loss: 'dpo' }) - 30_000).toBe(2 * one)
  expect(limit(25_000_000, { loss: 'grpo', completionsPerPrompt: 8 }) - 30_000).toBe(16 * one)
  expect(limit(25_000_000, { loss: 'on-policy', lambda: 0.5 })).toBe(Infinity)
  expect(limit(25_000_000, { loss: 'on-policy', lambda: 0 }) - 30_000).toBe(one)
})

test('is never longer than a timer can wait, which would end it at once', () => {
  const longest = limit(1_000_000_000, { loss: 'lora', context: 2048, gradientAccumulation: 8 })
  expect(longest).toBe(2 ** 31 - 1)
  const onStall = vi.fn()
  new StallWatch(longest, onStall).handle(phase('training'))
  vi.advanceTimersByTime(60_000)
  expect(onStall).not.toHaveBeenCalled()
})
