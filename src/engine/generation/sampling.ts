// Knows: how the next token is sampled from logits.
// Order of the steps as in transformers' generate: repetition penalty, temperature, top-k, top-p, min-p, sampling.
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
 * Divides positive logits of tokens in `seen` by the penalty and multiplies negative ones, in place.
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

/** Samples a token from `logits[from, from + vocabulary)`. */
export function sampleToken(
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
  if (topK <= 0 && topP >= 1 && minP <= 0) return sampleFromAll(logits, from, to, top, temperature, random)

  // Without top-k, top-p is a share of the mass of all tokens, candidates or not.
  const whole = topK <= 0 && topP < 1 ? sumExp(logits, from, to, top, 1 / temperature) : 0
  const { ids, weights } = pickCandidates(logits, from, to, top, settings, whole)
  let count = weights.length
  if (topP < 1) {
    const mass = topK > 0 ? weights.reduce((sum, weight) => sum + weight, 0) : whole
    let sum = 0
    for (count = 0; count < weights.length && (count === 0 || sum < topP * mass); count++)
      sum += weights[count] ?? 0
  }
  // The largest weight is 1, so `minP` is the threshold itself.
  if (minP > 0) while (count > 1 && (weights[count - 1] ?? 0) < minP) count--
  let target = random() * weights.subarray(0, count).reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < count; i++) {
    target -= weights[i] ?? 0
    if (target < 0) return ids[i] ?? 0
  }
  return ids[count - 1] ?? 0
}

/**
 * Tokens that top-k, top-p and min-p may keep, most likely first, and their weights relative to the first;
 * `whole`: the mass that top-p is a share of.
 */
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
  // Slightly below the min-p threshold because of rounding; the excess is removed afterwards.
  const ids = rank(logits, from, gatherAbove(logits, from, to, top + temperature * (Math.log(minP) - 1e-3)))
  return {
    ids,
    weights: Float64Array.from(ids, (id) => Math.exp(((logits[from + id] ?? 0) - top) / temperature)),
  }
}

/** Logits per partial sum: the sampled token is in one such block, and the others need not be read again. */
const BLOCK = 512

function sampleFromAll(
  x: Float32Array,
  from: number,
  to: number,
  top: number,
  temperature: number,
  random: () => number,
): number {
  const sums: number[] = []
  for (let at = from; at < to; at += BLOCK)
    sums.push(sumExp(x, at, Math.min(to, at + BLOCK), top, 1 / temperature))
  let target = random() * sums.reduce((sum, value) => sum + value, 0)
  let block = 0
  while (block < sums.length - 1 && target >= (sums[block] ?? 0)) target -= sums[block++] ?? 0
  const end = Math.min(to, from + (block + 1) * BLOCK)
  let last = from + block * BLOCK
  for (let i = last; i < end; i++) {
    const weight = Math.exp(((x[i] ?? 0) - top) / temperature)
    if (weight === 0) continue
    last = i
    target -= weight
    if (target < 0) break
  }
  return last - from
}
