// Knows: the list of schedules, and the learning rate of a step.
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
  /** Share of the steps that are warm-up, 0 to 0.5. */
  readonly warmUp: number
  /** Default `cosine`. */
  readonly schedule?: ScheduleName
}

/**
 * Learning rate of step `step` (1 … steps): linear warm-up to the full rate, then the schedule, which ends at the last
 * step.
 */
export function learningRateAt(
  step: number,
  { steps, learningRate, warmUp, schedule = 'cosine' }: RateOptions,
): number {
  const warmUpSteps = Math.round(steps * warmUp)
  if (step <= warmUpSteps) return (learningRate * step) / warmUpSteps
  const done = steps > warmUpSteps + 1 ? Math.min(1, (step - warmUpSteps - 1) / (steps - warmUpSteps - 1)) : 0
  return learningRate * SCHEDULES[schedule].share(done)
}
