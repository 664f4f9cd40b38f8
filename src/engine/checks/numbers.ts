// Knows: the test numbers that TypeScript and the Python oracles both compute from a formula, so that no file has to
// store them.

/**
 * Element i of the tensor with number `seed`: offset + scale · sin(12.9898 (i + 1) + 78.233 seed), rounded to 32-bit
 * float.
 */
export function makeNumbers(count: number, seed: number, scale = 1, offset = 0): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => offset + scale * Math.sin(12.9898 * (i + 1) + 78.233 * seed),
  )
}

/** Largest |a − b| / (1 + |b|), NaN if there is a NaN. */
export const worstDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length
    ? Array.from(a).reduce(
        (worst, x, i) => Math.max(worst, Math.abs(x - (b[i] ?? Number.NaN)) / (1 + Math.abs(b[i] ?? 0))),
        0,
      )
    : Number.NaN
