// Knows: random draws from a list.
import type { Rng } from '../../domain/rng.ts'

/** Each with the same probability. The list must not be empty. */
export function pick<T>(items: readonly T[], rng: Rng): T {
  if (items.length === 0) throw new RangeError('There is nothing to draw from.')
  return items[rng.below(items.length)] as T
}

/** Each with a probability proportional to its weight. */
export function pickByWeight<T extends { readonly weight: number }>(items: readonly T[], rng: Rng): T {
  let left = rng.next() * items.reduce((sum, { weight }) => sum + weight, 0)
  for (const item of items) {
    left -= item.weight
    if (left < 0) return item
  }
  return items.at(-1) as T
}

const cumulative = new WeakMap<readonly unknown[], Float64Array>()

/** Earlier items are more likely: the probability of rank r (from 0) is proportional to 1 / (r + 4) (Zipf-Mandelbrot). */
export function pickByRank<T>(items: readonly T[], rng: Rng): T {
  let sums = cumulative.get(items)
  if (sums === undefined) {
    let sum = 0
    sums = Float64Array.from(items, (_, rank) => (sum += 1 / (rank + 4)))
    cumulative.set(items, sums)
  }
  const at = rng.next() * (sums.at(-1) ?? 0)
  return items[sums.findIndex((sum) => at < sum)] as T
}

/** True with this probability. */
export const chance = (probability: number, rng: Rng): boolean => rng.next() < probability
