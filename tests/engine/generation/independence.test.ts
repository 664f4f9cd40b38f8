// A row's text depends on its prompt, settings and seed only: not on the other rows, on when it joins or on the order.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CachedModel, Prefix } from '../../../src/engine/generation/cached-model.ts'
import {
  Generator,
  type GenerateRequest,
  type GenerateResult,
} from '../../../src/engine/generation/generator.ts'
import { makeHostModel } from '../../../src/engine/generation/host-cache.ts'
import { groupPrefixes, PrefixCache } from '../../../src/engine/generation/prefix-cache.ts'
import { makeRandom } from '../../../src/engine/generation/random.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

let generator: Generator
let model: CachedModel
beforeAll(async () => {
  const runtime = await openTestRuntime()
  generator = await Generator.create(runtime, makeTinyWeights(), byteTokenizer, { batchSize: 8 })
  model = await makeHostModel(runtime, makeTinyWeights(), 8, 256)
})
afterAll(async () => {
  await generator.release()
  await model.release()
})

const request = (
  id: string,
  text: string,
  maxTokens: number,
  change: Partial<GenerateRequest> = {},
): GenerateRequest => ({
  id,
  tokens: byteTokenizer.encode(text),
  sampling: {
    temperature: 0.9,
    topK: 0,
    topP: 0.95,
    minP: 0,
    repetitionPenalty: 1.1,
    maxTokens,
    stop: [],
    rngSeed: id,
  },
  ...change,
})
async function generate(requests: readonly GenerateRequest[]): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  await generator.generate(requests, { onResult: (result) => results.set(result.id, result) })
  return results
}
/** Texts with different first characters, so that they share no prefix. */
const makeText = (i: number, length: number): string =>
  `${String.fromCharCode(97 + (i % 26))}${i} `.padEnd(length, `what is ${i}? `)

test('computes bit-identical log-probabilities alone and in 21 random batches, in any order and joining late', async () => {
  const random = makeRandom('mixes')
  const pick = (n: number): number => Math.floor(random() * n)
  const rows = Array.from({ length: 14 }, (_, i) =>
    request(`row ${i}`, makeText(i, 2 + pick(150)), 2 + pick(14), { logProbs: 3 }),
  )
  const alone = new Map<string, GenerateResult>()
  for (const row of rows) for (const [id, result] of await generate([row])) alone.set(id, result)
  for (let mix = 0; mix < 21; mix++) {
    await generator.setBatchSize(2 + pick(7))
    const chosen = rows
      .map((row) => ({ row, at: random() }))
      .toSorted((a, b) => a.at - b.at)
      .slice(0, 3 + pick(9))
      .map(({ row }) => row)
    const together = await generate(chosen)
    expect(together.size).toBe(chosen.length)
    for (const { id } of chosen) expect(together.get(id)).toEqual(alone.get(id))
  }
  await generator.setBatchSize(8)
})

test('generates the same text after a prefix shared by all or some rows, log-probabilities within 1e-4', async () => {
  const rubrics = [
    'You rate answers for their truth, from 1 to 5, and say nothing else. ',
    'You rate answers for their kindness, from 1 to 5, and say nothing else. ',
    'Be brief. Say whether the answer is a poem. ',
  ]
  const rows = Array.from({ length: 12 }, (_, i) =>
    request(`g${i}`, `<system> ${rubrics[i % 3]}Answer ${i}: ${makeText(i, 10)}`, 10, { logProbs: 2 }),
  )
  const alone = new Map<string, GenerateResult>()
  for (const row of rows) for (const [id, result] of await generate([row])) alone.set(id, result)
  const together = await generate(rows)
  for (const { id } of rows) {
    const [a, b] = [alone.get(id), together.get(id)]
    expect(b?.text).toBe(a?.text)
    b?.logProbs?.chosen.forEach((logProb, i) =>
      expect(Math.abs(logProb - (a?.logProbs?.chosen[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-4),
    )
  }
})

test('computes each shared prefix once and extends a cached shorter prefix', async () => {
  const fresh = await Generator.create(await openTestRuntime(), makeTinyWeights(), byteTokenizer, {
    batchSize: 4,
  })
  const [one, two, three] = [
    'A rubric about truth, which is long enough. ',
    'Another rubric, about kindness, which is long too. ',
    'The third one is on poems and their metre. ',
  ]
  const rows = [one, two, three].flatMap((rubric, g) =>
    [0, 1, 2, 3].map((i) => request(`${g}.${i}`, `${rubric}${String.fromCharCode(65 + i)} answer`, 2)),
  )
  const total = rows.reduce((sum, { tokens }) => sum + tokens.length, 0)
  const shared = 3 * (one!.length + two!.length + three!.length)
  const first = await fresh.generate(rows, { onResult: () => undefined })
  expect(first.sharedTokens).toBe(shared)
  expect(first.promptTokens).toBe(total - shared)
  const again = await fresh.generate(rows, { onResult: () => undefined })
  expect(again.sharedTokens).toBe((shared * 4) / 3)
  expect(again.promptTokens).toBe(total - (shared * 4) / 3)
  // One of the rubrics followed by the same example: only the example is new.
  const example = 'For example, a tide table is no poem. '
  const longer = ['x', 'y'].map((end) => request(end, three + example + end, 2))
  // The last token of each row is computed with the first decode step.
  expect((await fresh.generate(longer, { onResult: () => undefined })).promptTokens).toBe(example.length)
  await fresh.release()
})

test('finds groups in any order and none for equal rows', () => {
  const encode = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0))
  const [a, b] = ['a'.repeat(20), `ab${'c'.repeat(30)}`]
  const rows = [`${a}x`, `${b}1`, 'lonely row of its own', `${a}yy`, `${b}2`, `${b}2`].map(encode)
  expect(groupPrefixes(rows, 0)).toEqual([encode(a), encode(b), undefined, encode(a), encode(b), encode(b)])
  expect(groupPrefixes(rows, 5)[0]).toBeUndefined()
  expect(groupPrefixes([encode(`${a}same`), encode(`${a}same`)], 0)).toEqual([undefined, undefined])
})

test('keeps the cached prefixes within the memory limit and evicts the oldest first', async () => {
  const bytes = 20 * 2 * 4 * 2 * 2 * 8 // 20 tokens: keys and values of 2 layers, 2 heads of 8
  const prefixes = new PrefixCache(model, 3 * bytes)
  const find = async (n: number): Promise<{ prefix: Prefix; reused: number } | undefined> =>
    prefixes.find(
      Array.from({ length: 20 }, (_, i) => n + i),
      async () => undefined,
    )
  for (const n of [0, 50, 100]) expect((await find(n))?.reused).toBe(0)
  expect(prefixes.bytes).toBe(3 * bytes)
  expect((await find(0))?.reused).toBe(20)
  await find(150) // now 50 is the oldest
  expect(prefixes.bytes).toBe(3 * bytes)
  expect((await find(0))?.reused).toBe(20)
  expect((await find(100))?.reused).toBe(20)
  expect((await find(50))?.reused).toBe(0)
  prefixes.clear()
  const roomy = new PrefixCache(model)
  for (let n = 0; n < 12; n++)
    await roomy.find(
      Array.from({ length: 20 }, (_, i) => 10 * n + i),
      async () => undefined,
    )
  expect(roomy.bytes).toBe(8 * bytes)
  roomy.clear()
  expect(prefixes.bytes).toBe(0)
})
