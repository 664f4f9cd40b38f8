// Knows: the confidence interval of a mean.
// Source: percentile bootstrap (Efron 1979).
import type { Interval } from '../../domain/comparison.ts'
import type { Rng } from '../../domain/rng.ts'

/** Number of resamples: enough for the second digit of a 95 % interval. */
export const RESAMPLES = 2000

/**
 * Mean with its 95 % percentile bootstrap interval. Values that are not finite are ignored; `n` counts the others.
 * Without values, the mean and both bounds are NaN; a single value gives a meaningless interval of width 0: show `n`.
 */
export function bootstrapMean(values: readonly number[], rng: Rng, resamples = RESAMPLES): Interval {
  const sample = values.filter(Number.isFinite)
  const n = sample.length
  if (n === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN, n }
  const means = new Float64Array(resamples)
  for (let i = 0; i < resamples; i++) {
    let sum = 0
    for (let j = 0; j < n; j++) sum += sample[rng.below(n)] as number
    means[i] = sum / n
  }
  means.sort()
  return {
    mean: sample.reduce((sum, value) => sum + value, 0) / n,
    low: quantile(means, 0.025),
    high: quantile(means, 0.975),
    n,
  }
}

/** Quantile of sorted values, linear interpolation (type 7 of Hyndman and Fan). */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (at - below) * (high - low)
}
