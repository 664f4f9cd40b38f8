// Knows: how the learning rate rises and falls.

export interface Schedule {
  readonly steps: number
  readonly learningRate: number
  /** Share of the steps in which the rate rises, 0 to 0.5. */
  readonly warmUp: number
}

/** What is left of the rate at the last step (Llama's choice: a tenth). */
const FLOOR = 0.1

/** Rate of step `step` (1 … steps): a straight rise, then half a cosine down to a tenth. Source: Loshchilov and Hutter 2017. */
export function learningRateAt(step: number, { steps, learningRate, warmUp }: Schedule): number {
  const rise = Math.round(steps * warmUp)
  if (step <= rise) return (learningRate * step) / rise
  const done = steps > rise + 1 ? Math.min(1, (step - rise - 1) / (steps - rise - 1)) : 0
  return learningRate * (FLOOR + ((1 - FLOOR) * (1 + Math.cos(Math.PI * done))) / 2)
}
