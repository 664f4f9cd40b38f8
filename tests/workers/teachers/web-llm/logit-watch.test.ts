// Between two of WebLLM's tokens: one is sampled and forced, its log-probabilities are recorded, and another token is an error.
import { expect, test } from 'vitest'
import { logSumExp } from '../../../../src/engine/generation/logits.ts'
import { describeToken, TokenSampler, LogitWatch } from '../../../../workers/teachers/web-llm/logit-watch.ts'

const LOGITS = Float32Array.from({ length: 40 }, (_, i) => ((i * 7919) % 31) / 4)
const FREE = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }

test('leaves only the sampled token possible in the changed logits', () => {
  const watch = new LogitWatch()
  watch.sampler = new TokenSampler({ ...FREE, rngSeed: 'a' })
  const changed = watch.processLogits(LOGITS.slice())
  const token = watch.sampler.tokens[0] ?? NaN
  const mass = [...changed].map((logit) => Math.exp(logit)).reduce((sum, weight) => sum + weight, 0)
  expect(Math.exp(changed[token] ?? NaN) / mass).toBe(1)
})

test('samples tokens over many seeds as often as the model predicts', () => {
  const counts = new Map<number, number>()
  const count = 4000
  for (let i = 0; i < count; i++) {
    const token = new TokenSampler({ ...FREE, rngSeed: `${i}` }).sample(LOGITS.slice())
    counts.set(token, (counts.get(token) ?? 0) + 1)
  }
  const whole = logSumExp(LOGITS, 0, LOGITS.length)
  for (const [token, times] of counts) {
    const share = Math.exp((LOGITS[token] ?? NaN) - whole)
    expect(Math.abs(times / count - share)).toBeLessThanOrEqual(
      5 * Math.sqrt((share * (1 - share)) / count) + 1 / count,
    )
  }
})

test('records log-probabilities before penalties, temperature and sampling filters', () => {
  const sampler = new TokenSampler(
    { temperature: 3, topK: 2, topP: 0.5, minP: 0.2, repetitionPenalty: 2, rngSeed: 'b' },
    3,
  )
  sampler.sample(LOGITS.slice())
  sampler.sample(LOGITS.slice())
  for (const token of sampler.logProbs) expect(token).toEqual(describeToken(LOGITS, token.id, 3))
  const sorted = [...LOGITS].toSorted((a, b) => b - a)
  expect(sampler.logProbs[0]?.top.map(({ id }) => LOGITS[id])).toEqual(sorted.slice(0, 3))
})

test('returns the logits after a computed position once', () => {
  const watch = new LogitWatch()
  const logits = LOGITS.slice()
  expect(watch.processLogits(logits)).toBe(logits)
  logits.fill(0)
  expect(watch.takeLogits()).toEqual(LOGITS)
  expect(() => watch.takeLogits()).toThrow(/without passing on its logits/)
})

test('throws if WebLLM generates another token than the sampled one', () => {
  const watch = new LogitWatch()
  watch.sampler = new TokenSampler({ ...FREE, rngSeed: 'c' })
  watch.processLogits(LOGITS.slice())
  const token = watch.sampler.tokens[0] ?? NaN
  watch.processSampledToken(token)
  expect(() => watch.processSampledToken(token + 1)).toThrow(
    `generated token ${token + 1}, but ${token} was sampled`,
  )
})
