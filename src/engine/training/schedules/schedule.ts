// Knows: the interface of a learning-rate schedule: the share of the full rate after warm-up, which all schedules
// share.

export interface Schedule {
  readonly name: string
  /**
   * Share of the full rate, 0 to 1, when `done` of the decay is over (0 at the first step after warm-up, 1 at the last
   * step).
   */
  readonly share: (done: number) => number
}
