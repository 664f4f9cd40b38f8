// Log-probabilities returned during generation equal the soft targets of the same text, and requesting them
// changes no text.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  Generator,
  type GenerateRequest,
  type GenerateResult,
  type SoftTargetOutput,
} from '../../../src/engine/generation/generator.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

let generator: Generator
beforeAll(async () => {
  generator = await Generator.create(await openTestRuntime(), makeTinyWeights(), byteTokenizer, {
    batchSize: 4,
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
async function generate(requests: readonly GenerateRequest[]): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  await generator.generate(requests, { onResult: (result) => results.set(result.id, result) })
  return results
}

test('returns the log-probabilities of the soft targets, at any temperature and penalty', async () => {
  const [topK, rows] = [7, [0, 1, 2, 3, 4, 5, 6, 7]]
  const plain = await generate(rows.map((i) => request(i)))
  const generated = await generate(rows.map((i) => request(i, topK)))
  const allowedIds = Int32Array.from({ length: 257 }, (_, id) => id)
  const softTargets = new Map<string, SoftTargetOutput>()
  await generator.computeSoftTargets(
    rows.map((i) => ({
      id: `row ${i}`,
      prompt: request(i).tokens,
      completion: generated.get(`row ${i}`)?.tokens ?? [],
    })),
    { topK, temperature: 1, allowedIds },
    { onResult: (result) => softTargets.set(result.id, result) },
  )
  const scores = new Map<string, readonly number[]>()
  await generator.score(
    rows.map((i) => ({
      id: `row ${i}`,
      tokens: request(i).tokens,
      continuations: [generated.get(`row ${i}`)?.tokens ?? []],
    })),
    { onResult: ({ id, logProbs }) => scores.set(id, logProbs) },
  )
  for (const [id, { logProbs, ...rest }] of generated) {
    expect(rest).toEqual(plain.get(id))
    if (logProbs === undefined) throw new Error('no log-probabilities were returned')
    const count = rest.tokens.length
    expect([
      logProbs.chosen.length,
      logProbs.topIds.length,
      logProbs.topLogProbs.length,
      logProbs.restProbabilities.length,
    ]).toEqual([count, count * topK, count * topK, count])
    const { indices, probabilities } = softTargets.get(id)!
    for (let at = 0; at < count; at++) {
      expect([...logProbs.topIds.subarray(at * topK, (at + 1) * topK)]).toEqual([
        ...indices.subarray(at * topK, (at + 1) * topK),
      ])
      for (let i = 0; i < topK; i++)
        expect(
          Math.abs(Math.exp(logProbs.topLogProbs[at * topK + i]!) - probabilities[at * (topK + 1) + i]!),
        ).toBeLessThanOrEqual(1e-5)
      expect(
        Math.abs(logProbs.restProbabilities[at]! - probabilities[at * (topK + 1) + topK]!),
      ).toBeLessThanOrEqual(1e-5)
      const listed = logProbs.topIds.subarray(at * topK, (at + 1) * topK).indexOf(rest.tokens[at]!)
      if (listed >= 0) expect(logProbs.chosen[at]).toBe(logProbs.topLogProbs[at * topK + listed])
    }
    expect(
      Math.abs(logProbs.chosen.reduce((a, b) => a + b, 0) - (scores.get(id)?.[0] ?? Number.NaN)),
    ).toBeLessThanOrEqual(1e-4 * Math.max(1, count))
  }
})

test('refuses a `logProbs` outside of 1 to 20 with a sentence', async () => {
  for (const topK of [0, 21, 2.5, Number.NaN])
    expect((await generate([request(1, topK)])).get('row 1')?.refusal).toMatch(/from 1 to 20/)
})
