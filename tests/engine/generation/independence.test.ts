// What a row writes depends on its prompt, its settings and its seed alone: not on who shares its batch, when it joins or in which order.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CachedModel, Prefix } from '../../../src/engine/generation/cached-model.ts'
import {
  Generator,
  type GenerateRequest,
  type GenerateResult,
} from '../../../src/engine/generation/generator.ts'
import { makeHostModel } from '../../../src/engine/generation/host-cache.ts'
import { branchBeginnings, Prefixes } from '../../../src/engine/generation/prefixes.ts'
import { makeRandom } from '../../../src/engine/generation/random.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

let generator: Generator
let model: CachedModel
beforeAll(async () => {
  const runtime = await openTestRuntime()
  generator = await Generator.create(runtime, makeTinyWeights(), byteTokenizer, { maxBatch: 8 })
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
async function write(requests: readonly GenerateRequest[]): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  await generator.generate(requests, { onResult: (result) => results.set(result.id, result) })
  return results
}
/** Texts that begin differently, so that none shares anything. */
const makeText = (i: number, length: number): string =>
  `${String.fromCharCode(97 + (i % 26))}${i} `.padEnd(length, `what is ${i}? `)

test('log-probabilities of a row are the same to the last bit alone and in 21 batches of others, in any order and joining late', async () => {
  const random = makeRandom('mixes')
  const pick = (n: number): number => Math.floor(random() * n)
  const rows = Array.from({ length: 14 }, (_, i) =>
    request(`row ${i}`, makeText(i, 2 + pick(150)), 2 + pick(14), { logProbs: 3 }),
  )
  const alone = new Map<string, GenerateResult>()
  for (const row of rows) for (const [id, result] of await write([row])) alone.set(id, result)
  for (let mix = 0; mix < 21; mix++) {
    await generator.limitBatch(2 + pick(7))
    const chosen = rows
      .map((row) => ({ row, at: random() }))
      .toSorted((a, b) => a.at - b.at)
      .slice(0, 3 + pick(9))
      .map(({ row }) => row)
    const together = await write(chosen)
    expect(together.size).toBe(chosen.length)
    for (const { id } of chosen) expect(together.get(id)).toEqual(alone.get(id))
  }
  await generator.limitBatch(8)
})

test('behind a beginning that is shared by all, or by some, a row says the same to 1e-4 and writes the same', async () => {
  const rubrics = [
    'You rate answers for their truth, from 1 to 5, and say nothing else. ',
    'You rate answers for their kindness, from 1 to 5, and say nothing else. ',
    'Be brief. Say whether the answer is a poem. ',
  ]
  const rows = Array.from({ length: 12 }, (_, i) =>
    request(`g${i}`, `<system> ${rubrics[i % 3]}Answer ${i}: ${makeText(i, 10)}`, 10, { logProbs: 2 }),
  )
  const alone = new Map<string, GenerateResult>()
  for (const row of rows) for (const [id, result] of await write([row])) alone.set(id, result)
  const together = await write(rows)
  for (const { id } of rows) {
    const [a, b] = [alone.get(id), together.get(id)]
    expect(b?.text).toBe(a?.text)
    b?.logProbs?.written.forEach((logProb, i) =>
      expect(Math.abs(logProb - (a?.logProbs?.written[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-4),
    )
  }
})

test('rows of three groups compute what each group shares once, and a longer beginning goes on from a shorter one that is known', async () => {
  const fresh = await Generator.create(await openTestRuntime(), makeTinyWeights(), byteTokenizer, {
    maxBatch: 4,
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
  // One of the rubrics with the same example behind it: only the example is new.
  const example = 'For example, a tide table is no poem. '
  const longer = ['x', 'y'].map((end) => request(end, three + example + end, 2))
  expect((await fresh.generate(longer, { onResult: () => undefined })).promptTokens).toBe(example.length) // the one token that each row has of its own is brought with what is written
  await fresh.release()
})

test('groups are found whatever the order; rows that are alike make none', () => {
  const encode = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0))
  const [a, b] = ['a'.repeat(20), `ab${'c'.repeat(30)}`]
  const rows = [`${a}x`, `${b}1`, 'lonely row of its own', `${a}yy`, `${b}2`, `${b}2`].map(encode)
  expect(branchBeginnings(rows, 0)).toEqual([
    encode(a),
    encode(b),
    undefined,
    encode(a),
    encode(b),
    encode(b),
  ])
  expect(branchBeginnings(rows, 5)[0]).toBeUndefined()
  expect(branchBeginnings([encode(`${a}same`), encode(`${a}same`)], 0)).toEqual([undefined, undefined])
})

test('what is kept of beginnings takes no more room than it may, and the oldest go first', async () => {
  const bytes = 20 * 2 * 4 * 2 * 2 * 8 // 20 tokens: keys and values of 2 layers, 2 heads of 8
  const prefixes = new Prefixes(model, 3 * bytes)
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
  const roomy = new Prefixes(model)
  for (let n = 0; n < 12; n++)
    await roomy.find(
      Array.from({ length: 20 }, (_, i) => 10 * n + i),
      async () => undefined,
    )
  expect(roomy.bytes).toBe(8 * bytes)
  roomy.clear()
  expect(prefixes.bytes).toBe(0)
})
