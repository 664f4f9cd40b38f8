// Knows: how the next token is drawn from logits.
// Order of the steps as in transformers' generate: repetition penalty, temperature, top-k, top-p, min-p, draw.
import { argMax, gatherAbove, pickLargest, pickShare, rank, sumExp } from './logits.ts'

export interface SamplingSettings {
  /** 0 is greedy. */
  readonly temperature: number
  /** 0 keeps all. */
  readonly topK: number
  /** 1 keeps all. */
  readonly topP: number
  /** 0 keeps all. */
  readonly minP: number
  /** 1 changes nothing. */
  readonly repetitionPenalty: number
}

/**
 * Divides positive logits of tokens that were seen by the penalty and multiplies negative ones, in place.
 * Source: Keskar et al. 2019 (CTRL).
 */
export function penaliseRepetition(
  logits: Float32Array,
  from: number,
  vocabulary: number,
  seen: Iterable<number>,
  penalty: number,
): void {
  if (penalty === 1) return
  for (const id of new Set(seen)) {
    if (id < 0 || id >= vocabulary) continue
    const value = logits[from + id] ?? 0
    logits[from + id] = value > 0 ? value / penalty : value * penalty
  }
}

/** Draws a token from `logits[from, from + vocabulary)`. */
export function drawToken(
  logits: Float32Array,
  from: number,
  vocabulary: number,
  settings: SamplingSettings,
  random: () => number,
): number {
  const { temperature, topK, topP, minP } = settings
  const to = from + vocabulary
  const best = argMax(logits, from, to)
  if (!(temperature > 0) || topK === 1) return best
  const top = logits[from + best] ?? 0
  if (topK <= 0 && topP >= 1 && minP <= 0) return drawFromAll(logits, from, to, top, temperature, random)

  // Without top-k, top-p is a share of all the mass, that of tokens which are no candidates included.
  const whole = topK <= 0 && topP < 1 ? sumExp(logits, from, to, top, 1 / temperature) : 0
  const { ids, weights } = pickCandidates(logits, from, to, top, settings, whole)
  let count = weights.length
  if (topP < 1) {
    const mass = topK > 0 ? weights.reduce((sum, weight) => sum + weight, 0) : whole
    let sum = 0
    for (count = 0; count < weights.length && (count === 0 || sum < topP * mass); count++)
      sum += weights[count] ?? 0
  }
  // The largest weight is 1, so a share of it is the number itself.
  if (minP > 0) while (count > 1 && (weights[count - 1] ?? 0) < minP) count--
  let target = random() * weights.subarray(0, count).reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < count; i++) {
    target -= weights[i] ?? 0
    if (target < 0) return ids[i] ?? 0
  }
  return ids[count - 1] ?? 0
}

/** Tokens that top-k, top-p and min-p may keep, the likeliest first, and how likely each is beside the first; `whole`: the mass that top-p is a share of. */
function pickCandidates(
  logits: Float32Array,
  from: number,
  to: number,
  top: number,
  { temperature, topK, topP, minP }: SamplingSettings,
  whole: number,
): { ids: number[]; weights: Float64Array } {
  if (topK > 0) {
    const ids = pickLargest(logits, from, to, topK)
    return {
      ids,
      weights: Float64Array.from(ids, (id) => Math.exp(((logits[from + id] ?? 0) - top) / temperature)),
    }
  }
  if (topP < 1) return pickShare(logits, from, to, top, temperature, topP * whole)
  // A little below what min-p keeps, for rounding; what is below is cut afterwards.
  const ids = rank(logits, from, gatherAbove(logits, from, to, top + temperature * (Math.log(minP) - 1e-3)))
  return {
    ids,
    weights: Float64Array.from(ids, (id) => Math.exp(((logits[from + id] ?? 0) - top) / temperature)),
  }
}

/** Logits summed at a time: what is drawn lies in one such part, and the others need not be looked at again. */
const PART = 512

function drawFromAll(
  x: Float32Array,
  from: number,
  to: number,
  top: number,
  temperature: number,
  random: () => number,
): number {
  const sums: number[] = []
  for (let at = from; at < to; at += PART)
    sums.push(sumExp(x, at, Math.min(to, at + PART), top, 1 / temperature))
  let target = random() * sums.reduce((sum, part) => sum + part, 0)
  let part = 0
  while (part < sums.length - 1 && target >= (sums[part] ?? 0)) target -= sums[part++] ?? 0
  const end = Math.min(to, from + (part + 1) * PART)
  let last = from + part * PART
  for (let i = last; i < end; i++) {
    const weight = Math.exp(((x[i] ?? 0) - top) / temperature)
    if (weight === 0) continue
    last = i
    target -= weight
    if (target < 0) break
  }
  return last - from
}
