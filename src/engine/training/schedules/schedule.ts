// Knows: what a learning-rate schedule is: the share of the full rate after the rise that all of them begin with.

export interface Schedule {
  readonly name: string
  /** Share of the full rate, 0 to 1, when `done` (0 at the first step after the rise, 1 at the last step) of the fall is over. */
  readonly share: (done: number) => number
}
