// Knows: an estimate of the remaining time, from the time taken so far.

/** Milliseconds left if `done` of `total` took `elapsed` ms; undefined during the first half second. */
export function estimateTimeLeft(done: number, total: number, elapsed: number): number | undefined {
  if (total <= 0 || done <= 0 || elapsed < 500) return undefined
  return (elapsed / done) * Math.max(0, total - done)
}
