// Knows: single-pass reductions over a vocabulary of logits: the largest, the sum of their exponentials, the top k.
// A batch of eight rows reads 400,000 logits per step, so the work per logit matters for tokens/s.
// Must not know: sampling (sampling.ts).

import { EngineError } from '../errors.ts'

/** Index of the largest number of `x[from, to)`, counted from `from`; the first if several are equal. */
export function argMax(x: Float32Array, from: number, to: number): number {
  let best = from
  let largest = x[from] ?? 0
  for (let i = from + 1; i < to; i++) {
    const value = x[i] ?? 0
    if (value > largest) {
      best = i
      largest = value
    }
  }
  return best - from
}

/**
 * Throws an EngineError if a number of `x[from, to)` is NaN or +∞, or if none is above −∞: sampling would return token 0 again and
 * again.
 */
export function refuseNotANumber(x: Float32Array, from: number, to: number): void {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = from; i < to; i++) {
    const value = x[i] ?? 0
    if (!(value < Number.POSITIVE_INFINITY)) throw notNumbers()
    if (value > largest) largest = value
  }
  if (largest === Number.NEGATIVE_INFINITY) throw notNumbers()
}

const notNumbers = (): EngineError =>
  new EngineError(
    'broken',
    'The model computed a probability that is not a number. Either the graphics card computes it wrong (load the model on the processor, and run the self-check), or the model’s file is damaged (download it again).',
  )

/** Table entries per doubling. */
const STEPS = 32
/** Doublings below the largest beyond which a term is omitted: 2^-62 is below the resolution of a sum of at least 1. */
const DEPTH = 62
const POWERS = Float64Array.from({ length: STEPS * DEPTH + 2 }, (_, k) => 2 ** (-k / STEPS))

/**
 * Σ exp((x − top) · factor) of `x[from, to)`, if no x is above `top`. A table and a polynomial of degree 3 in
 * the remainder: within 1e-9 of the sum by `Math.exp`, and four times as fast.
 */
export function sumExp(x: Float32Array, from: number, to: number, top: number, factor: number): number {
  const scale = (factor * STEPS) / Math.LN2
  const unit = Math.LN2 / STEPS
  const lowest = STEPS * DEPTH
  let sum = 0
  for (let i = from; i < to; i++) {
    const depth = (top - (x[i] ?? 0)) * scale
    if (depth > lowest) continue
    const k = (depth + 0.5) | 0
    const rest = (k - depth) * unit
    sum += (POWERS[k] ?? 0) * (1 + rest * (1 + rest * (0.5 + rest / 6)))
  }
  return sum
}

/** log Σ exp of `x[from, to)`, numerically stable. */
export function logSumExp(x: Float32Array, from: number, to: number): number {
  const top = x[from + argMax(x, from, to)] ?? 0
  return top + Math.log(sumExp(x, from, to, top, 1))
}

/** Ids of `x[from, to)`, counted from `from`, with a value of at least `floor`, ascending. */
export function gatherAbove(x: Float32Array, from: number, to: number, floor: number): number[] {
  const ids: number[] = []
  for (let i = from; i < to; i++) if ((x[i] ?? 0) >= floor) ids.push(i - from)
  return ids
}

/** Sorts ids by logit, largest first, equals by id. `ids` ascends. */
export const rank = (x: Float32Array, from: number, ids: readonly number[]): number[] =>
  ids.toSorted((a, b) => (x[from + b] ?? 0) - (x[from + a] ?? 0))

/** Depths below the largest logit that are searched in turn; in units of the logits times a temperature. */
const DEPTHS = [6, 12, 24, Number.POSITIVE_INFINITY]
/** Above this many candidates, values are sorted first: sorting ids is several times as slow. */
const MANY = 2048

/** Ids of the `count` largest of `x[from, to)`, the largest first, equals by id. */
export function pickLargest(x: Float32Array, from: number, to: number, count: number): number[] {
  const top = x[from + argMax(x, from, to)] ?? 0
  const wanted = Math.min(count, to - from)
  for (const depth of DEPTHS) {
    const ids = gatherAbove(x, from, to, top - depth)
    if (ids.length < wanted) continue
    if (ids.length < MANY + 2 * wanted) return rank(x, from, ids).slice(0, wanted)
    const values = Float32Array.from(ids, (id) => x[from + id] ?? 0).toSorted()
    return rank(x, from, gatherAbove(x, from, to, values[values.length - wanted] ?? top)).slice(0, wanted)
  }
  // NaN is never at or above a floor.
  return rank(
    x,
    from,
    Array.from({ length: to - from }, (_, id) => id),
  ).slice(0, wanted)
}

/**
 * Ids of the largest logits whose weights exp((x − top) / temperature) sum to at least `share`, largest first;
 * may contain more than needed.
 */
export function pickShare(
  x: Float32Array,
  from: number,
  to: number,
  top: number,
  temperature: number,
  share: number,
): { ids: number[]; weights: Float64Array } {
  for (const depth of DEPTHS) {
    const ids = gatherAbove(x, from, to, top - depth * temperature)
    let sum = 0
    const weights = Float64Array.from(ids, (id) => Math.exp(((x[from + id] ?? 0) - top) / temperature))
    for (const weight of weights) sum += weight
    if (sum < share && depth !== Number.POSITIVE_INFINITY) continue
    const ranked = rank(x, from, ids)
    return {
      ids: ranked,
      weights: Float64Array.from(ranked, (id) => Math.exp(((x[from + id] ?? 0) - top) / temperature)),
    }
  }
  return { ids: [0], weights: Float64Array.of(1) }
}
