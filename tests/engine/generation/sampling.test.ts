// Single-pass reductions of logits equal a full sort and `Math.exp`, and samples follow the distribution that
// the settings leave.
import { expect, test } from 'vitest'
import { argMax, logSumExp, pickLargest, sumExp } from '../../../src/engine/generation/logits.ts'
import { makeRandom } from '../../../src/engine/generation/random.ts'
import { sampleToken, type SamplingSettings } from '../../../src/engine/generation/sampling.ts'

const random = makeRandom('sampling')
/** Logits of several kinds: peaked, flat, with equal values, masked. */
function makeLogits(kind: number, size: number): Float32Array {
  const spread = [3, 0.01, 8, 1][kind % 4] ?? 1
  const logits = Float32Array.from(
    { length: size },
    () => (random() + random() + random() - 1.5) * spread * 2,
  )
  for (let i = 0; i < 5; i++) logits[Math.floor(random() * size)] = spread * (2 + 3 * random())
  if (kind % 3 === 1) logits.forEach((x, i) => (logits[i] = Math.round(x * 4) / 4))
  if (kind % 3 === 2) logits.fill(Number.NEGATIVE_INFINITY, 10, size >> 1)
  return logits
}
const softmax = (logits: readonly number[]): number[] => {
  const top = Math.max(...logits)
  const weights = logits.map((x) => Math.exp(x - top))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / sum)
}

test('computes the sums of exponentials and the top k of a plain sort, at any offset in a batch', () => {
  for (let kind = 0; kind < 6; kind++) {
    const own = makeLogits(kind, 5000)
    const batch = new Float32Array(15_000).fill(99)
    batch.set(own, 5000)
    const top = Math.max(...own)
    for (const factor of [0.5, 1, 1 / 0.7, 4]) {
      const exact = own.reduce((sum, x) => sum + Math.exp((x - top) * factor), 0)
      expect(Math.abs(sumExp(batch, 5000, 10_000, top, factor) / exact - 1)).toBeLessThanOrEqual(1e-9)
    }
    expect(argMax(batch, 5000, 10_000)).toBe(own.indexOf(top))
    expect(
      Math.abs(
        logSumExp(batch, 5000, 10_000) - top - Math.log(own.reduce((sum, x) => sum + Math.exp(x - top), 0)),
      ),
    ).toBeLessThanOrEqual(1e-6)
    const sorted = Array.from(own.keys()).toSorted((a, b) => own[b]! - own[a]! || a - b)
    for (const count of [1, 20, 3000, 9000])
      expect(pickLargest(batch, 5000, 10_000, count)).toEqual(sorted.slice(0, count))
  }
})

/** Probabilities by definition: a full sort, filtered by top-k, then top-p, then min-p. */
function filteredBy(
  logits: Float32Array,
  { temperature, topK, topP, minP }: SamplingSettings,
): Map<number, number> {
  const order = Array.from(logits.keys())
    .toSorted((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, topK > 0 ? topK : logits.length)
  let probabilities = softmax(order.map((id) => logits[id]! / temperature))
  let count = order.length
  if (topP < 1)
    for (let sum = (count = 0); count < order.length && (count === 0 || sum < topP); count++)
      sum += probabilities[count]!
  while (count > 1 && probabilities[count - 1]! < minP * probabilities[0]!) count--
  probabilities = probabilities.slice(0, count)
  const mass = probabilities.reduce((a, b) => a + b, 0)
  return new Map(probabilities.map((probability, i) => [order[i]!, probability / mass]))
}

test('samples each token with its probability after top-k, top-p and min-p, at any temperature', () => {
  const base: SamplingSettings = { temperature: 0.7, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }
  const settings: SamplingSettings[] = [
    base,
    { ...base, topP: 0.9 },
    { ...base, topK: 20 },
    { ...base, topK: 30, topP: 0.83 },
    { ...base, minP: 0.1 },
    { ...base, temperature: 2, topP: 0.99, minP: 0.02 },
    { ...base, temperature: 0.2, topP: 0.5 },
  ]
  for (let kind = 0; kind < 4; kind++) {
    const logits = makeLogits(kind, 300)
    for (const one of settings) {
      const kept = filteredBy(logits, one)
      // Evenly spaced numbers instead of random ones: a token's frequency is then its probability, up to one step.
      const steps = 400
      const drawn = new Map<number, number>()
      for (let i = 0; i < steps; i++) {
        const token = sampleToken(logits, 0, logits.length, one, () => (i + 0.5) / steps)
        drawn.set(token, (drawn.get(token) ?? 0) + 1)
      }
      for (const [token, count] of drawn)
        expect(Math.abs(count / steps - (kept.get(token) ?? -1))).toBeLessThanOrEqual(2 / steps)
      const missed = [...kept].filter(([token]) => !drawn.has(token)).map(([, probability]) => probability)
      expect(Math.max(0, ...missed)).toBeLessThanOrEqual(2 / steps)
    }
    expect(sampleToken(logits, 0, logits.length, { ...base, temperature: 0 }, () => 0.99)).toBe(
      argMax(logits, 0, logits.length),
    )
  }
})
