// Knows: that a training whose first step never ends is noticed, and one that is only slow, or computes, is left alone.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { firstStepLimit, StallWatch } from '../../src/actions/train/stall-watch.ts'
import type { TrainEvent } from '../../src/protocol/student.ts'

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

test.each([
  ['steps that have begun and none ends', [phase('training')], 1],
  ['a download of the runtime that takes long', [phase('building')], 0],
  ['a step that has ended', [phase('training'), STEP], 0],
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

test('a training that has ended is not watched', () => {
  const onStall = vi.fn()
  const watch = new StallWatch(1000, onStall)
  watch.handle(phase('training'))
  watch.end()
  vi.advanceTimersByTime(5000)
  expect(onStall).not.toHaveBeenCalled()
})

test('the limit grows with the work of a step, far beyond what a slow machine needs', () => {
  const small = firstStepLimit(300_000, { batchSize: 8, context: 96, gradientAccumulation: 1 })
  const large = firstStepLimit(25_000_000, { batchSize: 32, context: 256, gradientAccumulation: 1 })
  expect(small).toBeGreaterThan(30_000)
  expect(small).toBeLessThan(40_000)
  // 1.2e12 operations: four minutes at 5 billion a second.
  expect(large).toBeGreaterThan(10 * 240_000)
})
