// What is told of each written token while writing is what a tracing of the same text says afterwards, and asking changes no text.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  Generator,
  type GenerateRequest,
  type GenerateResult,
  type Traced,
} from '../../../src/engine/generation/generator.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

let generator: Generator
beforeAll(async () => {
  generator = await Generator.create(await openTestRuntime(), makeTinyWeights(), byteTokenizer, {
    maxBatch: 4,
  })
})
afterAll(() => generator.release())

const request = (i: number, logProbs?: number): GenerateRequest => ({
  id: `row ${i}`,
  tokens: byteTokenizer.encode(`Question ${i}: ${'why? '.repeat(i)}`),
  sampling: {
    temperature: [0, 0.7, 1, 1.6][i % 4]!,
    topK: i % 3 === 1 ? 12 : 0,
    topP: i % 2 === 0 ? 0.9 : 1,
    minP: 0,
    repetitionPenalty: i % 5 === 2 ? 1.3 : 1,
    maxTokens: 40,
    stop: i === 6 ? ['e'] : [],
    rngSeed: `${i}`,
  },
  ...(logProbs === undefined ? {} : { logProbs }),
})
async function write(requests: readonly GenerateRequest[]): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  await generator.generate(requests, { onResult: (result) => results.set(result.id, result) })
  return results
}

test('log-probabilities while writing are those of a tracing of the same tokens, at any temperature and penalty', async () => {
  const [choices, rows] = [7, [0, 1, 2, 3, 4, 5, 6, 7]]
  const plain = await write(rows.map((i) => request(i)))
  const told = await write(rows.map((i) => request(i, choices)))
  const among = Int32Array.from({ length: 257 }, (_, id) => id)
  const traced = new Map<string, Traced>()
  await generator.trace(
    rows.map((i) => ({
      id: `row ${i}`,
      prompt: request(i).tokens,
      answer: told.get(`row ${i}`)?.tokens ?? [],
    })),
    { choices, temperature: 1, among },
    { onResult: (result) => traced.set(result.id, result) },
  )
  const scores = new Map<string, readonly number[]>()
  await generator.score(
    rows.map((i) => ({
      id: `row ${i}`,
      tokens: request(i).tokens,
      continuations: [told.get(`row ${i}`)?.tokens ?? []],
    })),
    { onResult: ({ id, logProbs }) => scores.set(id, logProbs) },
  )
  for (const [id, { logProbs, ...rest }] of told) {
    expect(rest).toEqual(plain.get(id))
    if (logProbs === undefined) throw new Error('nothing was told')
    const count = rest.tokens.length
    expect([
      logProbs.written.length,
      logProbs.ids.length,
      logProbs.listed.length,
      logProbs.rest.length,
    ]).toEqual([count, count * choices, count * choices, count])
    const { places, probabilities } = traced.get(id)!
    for (let at = 0; at < count; at++) {
      expect([...logProbs.ids.subarray(at * choices, (at + 1) * choices)]).toEqual([
        ...places.subarray(at * choices, (at + 1) * choices),
      ])
      for (let i = 0; i < choices; i++)
        expect(
          Math.abs(Math.exp(logProbs.listed[at * choices + i]!) - probabilities[at * (choices + 1) + i]!),
        ).toBeLessThanOrEqual(1e-5)
      expect(Math.abs(logProbs.rest[at]! - probabilities[at * (choices + 1) + choices]!)).toBeLessThanOrEqual(
        1e-5,
      )
      const listed = logProbs.ids.subarray(at * choices, (at + 1) * choices).indexOf(rest.tokens[at]!)
      if (listed >= 0) expect(logProbs.written[at]).toBe(logProbs.listed[at * choices + listed])
    }
    expect(
      Math.abs(logProbs.written.reduce((a, b) => a + b, 0) - (scores.get(id)?.[0] ?? Number.NaN)),
    ).toBeLessThanOrEqual(1e-4 * Math.max(1, count))
  }
})

test('a number of choices that cannot be told is refused with a sentence', async () => {
  for (const choices of [0, 21, 2.5, Number.NaN])
    expect((await write([request(1, choices)])).get('row 1')?.refusal).toMatch(/1 to 20 can be told/)
})
