// Knows: the schedules there are, and the rate of a step under one of them.
import { constant } from './constant.ts'
import { cosine } from './cosine.ts'
import { linear } from './linear.ts'
import type { Schedule } from './schedule.ts'
import { warmStableDecay } from './warm-stable-decay.ts'

export const SCHEDULES = {
  cosine,
  linear,
  constant,
  'warm-stable-decay': warmStableDecay,
} as const satisfies Readonly<Record<string, Schedule>>
export type ScheduleName = keyof typeof SCHEDULES

export interface RateOptions {
  readonly steps: number
  readonly learningRate: number
  /** Share of the steps in which the rate rises, 0 to 0.5. */
  readonly warmUp: number
  /** Default `cosine`. */
  readonly schedule?: ScheduleName
}

/** Rate of step `step` (1 … steps): a straight rise to the full rate, then the schedule, whose end is the last step. */
export function learningRateAt(
  step: number,
  { steps, learningRate, warmUp, schedule = 'cosine' }: RateOptions,
): number {
  const rise = Math.round(steps * warmUp)
  if (step <= rise) return (learningRate * step) / rise
  const done = steps > rise + 1 ? Math.min(1, (step - rise - 1) / (steps - rise - 1)) : 0
  return learningRate * SCHEDULES[schedule].share(done)
}
