import { describe, expect, test } from 'vitest'
import { PhaseTimer } from '../../src/actions/run/phase-timer.ts'
import { WorkClock, workNow } from '../../src/domain/work-clock.ts'
import { Pace } from '../../workers/student/pace.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A clock that a test moves: in steps as a machine that works, or in one as one that sleeps. */
function makeClock() {
  let at = 5000
  const clock = new WorkClock(() => at, 90_000)
  return {
    now: () => clock.now(),
    work(ms: number): void {
      for (const end = at + ms; at < end;) {
        at = Math.min(end, at + 100)
        clock.now()
      }
    },
    sleep: (ms: number) => void (at += ms),
  }
}

describe('WorkClock', () => {
  test('counts work, also in the minutes that a hidden page is not woken, and no sleep', () => {
    const clock = makeClock()
    const start = clock.now()
    clock.work(10 * MINUTE)
    clock.sleep(MINUTE)
    clock.work(5000)
    expect(clock.now() - start).toBe(11 * MINUTE + 5000)
    clock.sleep(8 * HOUR)
    expect(clock.now() - start).toBe(11 * MINUTE + 5000)
    clock.work(MINUTE)
    clock.sleep(2 * MINUTE)
    clock.work(MINUTE)
    // The first reading after a sleep belongs to it.
    expect(clock.now() - start).toBeCloseTo(13 * MINUTE + 5000, -3)
  })

  test('a run’s duration and time left are those of its work', () => {
    const clock = makeClock()
    const timer = new PhaseTimer(() => clock.now())
    timer.start(1)
    for (let i = 0; i < 10; i++) {
      if (i === 5) clock.sleep(9 * HOUR)
      clock.work(6000)
      timer.count(1, 1)
    }
    expect(timer.workedMs).toBeCloseTo(MINUTE, -3)
    expect(timer.msFor([{ step: 1, weight: 1, left: 20 }])).toBeCloseTo(2 * MINUTE, -4)
  })

  test('a training’s time left is that of its steps', () => {
    const clock = makeClock()
    const pace = new Pace(() => clock.now())
    pace.start()
    for (let i = 0; i < 10; i++) {
      if (i === 5) clock.sleep(9 * HOUR)
      clock.work(2000)
      pace.count(100)
    }
    expect(pace.msFor([['', 30]])).toBeCloseTo(MINUTE, -3)
  })

  test('the shared clock moves with the time', async () => {
    const before = workNow()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(workNow() - before).toBeGreaterThan(10)
    expect(workNow() - before).toBeLessThan(10_000)
  })
})
