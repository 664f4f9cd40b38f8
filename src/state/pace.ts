// Knows: how long the rest takes, from how long the beginning took.

/** Milliseconds left of something of which `done` of `total` took `elapsed`; undefined until half a second has shown its pace. */
export function tellTimeLeft(done: number, total: number, elapsed: number): number | undefined {
  if (total <= 0 || done <= 0 || elapsed < 500) return undefined
  return (elapsed / done) * Math.max(0, total - done)
}
