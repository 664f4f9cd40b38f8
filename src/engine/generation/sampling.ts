// Knows: how the next token is drawn from logits.
// Order of the steps as in transformers' generate: repetition penalty, temperature, top-k, top-p, min-p, draw.

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

/** Candidates beyond this many are not looked at by top-p and min-p alone: their mass is below any float's resolution of 1. */
const MOST_CANDIDATES = 4096

/** Index of the largest number of `x[from, to)`, counted from `from`; the first of equals. */
export function argMax(x: Float32Array, from: number, to: number): number {
  let best = from
  for (let i = from + 1; i < to; i++) if ((x[i] ?? 0) > (x[best] ?? 0)) best = i
  return best - from
}

/** log Σ exp of `x[from, to)`, steady for large numbers. */
export function logSumExp(x: Float32Array, from: number, to: number): number {
  const largest = x[from + argMax(x, from, to)] ?? 0
  let sum = 0
  for (let i = from; i < to; i++) sum += Math.exp((x[i] ?? 0) - largest)
  return largest + Math.log(sum)
}

/**
 * Divides positive logits of tokens that were seen by the penalty and multiplies negative ones, in place.
 * Source: Keskar et al. 2019 (CTRL).
 */
export function penaliseRepetition(logits: Float32Array, from: number, vocabulary: number, seen: Iterable<number>, penalty: number): void {
  if (penalty === 1) return
  for (const id of new Set(seen)) {
    if (id < 0 || id >= vocabulary) continue
    const value = logits[from + id] ?? 0
    logits[from + id] = value > 0 ? value / penalty : value * penalty
  }
}

/** Draws a token from `logits[from, from + vocabulary)`. */
export function drawToken(logits: Float32Array, from: number, vocabulary: number, settings: SamplingSettings, random: () => number): number {
  const { temperature, topK, topP, minP } = settings
  const to = from + vocabulary
  if (!(temperature > 0)) return argMax(logits, from, to)
  if (topK === 1) return argMax(logits, from, to)
  if (topK <= 0 && topP >= 1 && minP <= 0) return drawFromAll(logits, from, to, temperature, random)

  const wanted = Math.min(vocabulary, topK > 0 ? topK : MOST_CANDIDATES)
  const ids = pickLargest(logits, from, vocabulary, wanted)
  const top = logits[from + (ids[0] ?? 0)] ?? 0
  const weights = Float64Array.from(ids, (id) => Math.exp(((logits[from + id] ?? 0) - top) / temperature))
  // Without top-k, top-p is a share of all the mass, that of tokens which are no candidates included.
  const mass = topK > 0 ? weights.reduce((sum, weight) => sum + weight, 0) : Math.exp(scaledLogSumExp(logits, from, to, temperature) - top / temperature)
  let count = weights.length
  if (topP < 1) {
    let sum = 0
    for (count = 0; count < weights.length && (count === 0 || sum < topP * mass); count++) sum += weights[count] ?? 0
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

function scaledLogSumExp(x: Float32Array, from: number, to: number, temperature: number): number {
  const top = (x[from + argMax(x, from, to)] ?? 0) / temperature
  let sum = 0
  for (let i = from; i < to; i++) sum += Math.exp((x[i] ?? 0) / temperature - top)
  return top + Math.log(sum)
}

function drawFromAll(x: Float32Array, from: number, to: number, temperature: number, random: () => number): number {
  const top = x[from + argMax(x, from, to)] ?? 0
  let sum = 0
  for (let i = from; i < to; i++) sum += Math.exp(((x[i] ?? 0) - top) / temperature)
  let target = random() * sum
  for (let i = from; i < to; i++) {
    target -= Math.exp(((x[i] ?? 0) - top) / temperature)
    if (target < 0) return i - from
  }
  return to - 1 - from
}

/** Ids of the `count` largest logits, largest first, equals by id. A threshold from a sample spares a sort of the whole vocabulary. */
function pickLargest(logits: Float32Array, from: number, vocabulary: number, count: number): number[] {
  const view = logits.subarray(from, from + vocabulary)
  let candidates: number[] | undefined
  if (vocabulary > 4 * count) {
    // Every 16th logit, sorted: the one at twice the wanted share is almost surely below the wanted smallest.
    const sample = view.filter((_, i) => i % 16 === 0).toSorted()
    const at = sample.length - 1 - Math.ceil((2 * count) / 16) - 4
    const threshold = sample[at]
    if (threshold !== undefined) {
      const above: number[] = []
      for (let id = 0; id < vocabulary; id++) if ((view[id] ?? 0) >= threshold) above.push(id)
      if (above.length >= count) candidates = above
    }
  }
  candidates ??= Array.from({ length: vocabulary }, (_, id) => id)
  return candidates.toSorted((a, b) => (view[b] ?? 0) - (view[a] ?? 0) || a - b).slice(0, count)
}
