// What is done between two of WebLLM's tokens: one is drawn and forced, what the model found of it is kept, a draw not taken is noticed.
import { expect, test } from 'vitest'
import { logSumExp } from '../../../../src/engine/generation/logits.ts'
import { describeToken, Drawing, LogitWatch } from '../../../../workers/teachers/web-llm/logit-watch.ts'

const LOGITS = Float32Array.from({ length: 40 }, (_, i) => ((i * 7919) % 31) / 4)
const FREE = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }

test('the drawn token is the only one that the changed logits leave a chance', () => {
  const watch = new LogitWatch()
  watch.drawing = new Drawing({ ...FREE, rngSeed: 'a' })
  const given = watch.processLogits(LOGITS.slice())
  const token = watch.drawing.written[0] ?? NaN
  const mass = [...given].map((logit) => Math.exp(logit)).reduce((sum, weight) => sum + weight, 0)
  expect(Math.exp(given[token] ?? NaN) / mass).toBe(1)
})

test('over many seeds tokens are drawn as often as the model has them likely', () => {
  const drawn = new Map<number, number>()
  const count = 4000
  for (let i = 0; i < count; i++) {
    const token = new Drawing({ ...FREE, rngSeed: `${i}` }).draw(LOGITS.slice())
    drawn.set(token, (drawn.get(token) ?? 0) + 1)
  }
  const whole = logSumExp(LOGITS, 0, LOGITS.length)
  for (const [token, times] of drawn) {
    const share = Math.exp((LOGITS[token] ?? NaN) - whole)
    expect(Math.abs(times / count - share)).toBeLessThanOrEqual(
      5 * Math.sqrt((share * (1 - share)) / count) + 1 / count,
    )
  }
})

test('what is found of a token is of the logits before penalties, temperature and cuts', () => {
  const drawing = new Drawing(
    { temperature: 3, topK: 2, topP: 0.5, minP: 0.2, repetitionPenalty: 2, rngSeed: 'b' },
    3,
  )
  drawing.draw(LOGITS.slice())
  drawing.draw(LOGITS.slice())
  for (const found of drawing.found) expect(found).toEqual(describeToken(LOGITS, found.id, 3))
  const sorted = [...LOGITS].toSorted((a, b) => b - a)
  expect(drawing.found[0]?.likeliest.map(({ id }) => LOGITS[id])).toEqual(sorted.slice(0, 3))
})

test('logits behind a computed position are there once', () => {
  const watch = new LogitWatch()
  const logits = LOGITS.slice()
  expect(watch.processLogits(logits)).toBe(logits)
  logits.fill(0)
  expect(watch.takeLogits()).toEqual(LOGITS)
  expect(() => watch.takeLogits()).toThrow(/without showing its logits/)
})

test('a token that was not the drawn one is an error, not a completion', () => {
  const watch = new LogitWatch()
  watch.drawing = new Drawing({ ...FREE, rngSeed: 'c' })
  watch.processLogits(LOGITS.slice())
  const token = watch.drawing.written[0] ?? NaN
  watch.processSampledToken(token)
  expect(() => watch.processSampledToken(token + 1)).toThrow(
    `wrote token ${token + 1} where ${token} was drawn`,
  )
})
