// Generation on the kernels: a row's text and log-probabilities are the same bits alone, in any batch and after any shared prefix; pages
// are all free again; scores and soft targets agree with generation.
import { beforeAll, expect, test } from 'vitest'
import type { CachedModel } from '../../../src/engine/generation/cached-model.ts'
import {
  Generator,
  type GenerateRequest,
  type GenerateResult,
  type ScoreOutput,
} from '../../../src/engine/generation/generator.ts'
import { makeRandom } from '../../../src/engine/generation/random.ts'
import type { KernelDecoder } from '../../../src/engine/kernels/decoder.ts'
import type { KernelHeap } from '../../../src/engine/kernels/heap.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openModel } from './open-model.ts'

let generator: Generator
let decoder: KernelDecoder
let model: CachedModel
let heap: KernelHeap
beforeAll(async () => {
  ;({
    decoder,
    model,
    kernels: { heap },
  } = await openModel(makeTinyWeights(), 'rounded', { slots: 8, contextLength: 256 }))
  generator = Generator.over(model, byteTokenizer)
})

const request = (
  id: string,
  text: string,
  maxTokens: number,
  change: Partial<GenerateRequest['sampling']> = {},
): GenerateRequest => ({
  id,
  tokens: byteTokenizer.encode(text),
  logProbs: 3,
  sampling: {
    temperature: 0.9,
    topK: 0,
    topP: 0.95,
    minP: 0,
    repetitionPenalty: 1.1,
    maxTokens,
    stop: [],
    rngSeed: id,
    ...change,
  },
})

async function generate(requests: readonly GenerateRequest[]): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  await generator.generate(requests, { onResult: (result) => results.set(result.id, result) })
  return results
}

async function generateAlone(requests: readonly GenerateRequest[]): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  for (const one of requests) for (const [id, result] of await generate([one])) results.set(id, result)
  return results
}

const makeText = (i: number, length: number): string =>
  `${String.fromCharCode(97 + (i % 26))}${i} `.padEnd(length, `what is ${i}? `)

test('computes bit-identical log-probabilities alone and in random batches, in any order and joining late', async () => {
  const random = makeRandom('mixes')
  const pick = (n: number): number => Math.floor(random() * n)
  const rows = Array.from({ length: 14 }, (_, i) =>
    request(`row ${i}`, makeText(i, 2 + pick(150)), 2 + pick(14)),
  )
  const alone = await generateAlone(rows)
  for (let mix = 0; mix < 12; mix++) {
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

test('computes the same bits after a prefix shared by all or some rows, and for repeated prompts', async () => {
  const rubrics = [
    'You rate answers for their truth, from 1 to 5, and say nothing else. ',
    'You rate answers for their kindness, from 1 to 5, and say nothing else. ',
    'Be brief. Say whether the answer is a poem. ',
  ]
  const rows = Array.from({ length: 15 }, (_, i) =>
    request(`g${i}`, `<system> ${rubrics[i % 3]}Answer ${i % 12}: ${makeText(i % 12, 10)}`, 10),
  )
  const alone = await generateAlone(rows)
  const progress = await generator.generate(rows, { onResult: () => undefined })
  expect(progress.sharedTokens).toBeGreaterThan(500)
  const together = await generate(rows)
  for (const { id } of rows) expect(together.get(id)).toEqual(alone.get(id))
})

test('continues rows in the middle of a page that others share, without changing theirs', async () => {
  // Prompts of one text to every length around the end of a page: the last page of the prefix is copied when rows write to it.
  const text = 'The sea is wide and the ship is small, said he.'
  const rows = Array.from({ length: 8 }, (_, i) => request(`m${i}`, `${text}${'abcdefgh'[i]}`, 24))
  const alone = await generateAlone(rows)
  for (const [id, result] of await generate(rows)) expect(result).toEqual(alone.get(id))
  const copies = Array.from({ length: 8 }, (_, i) => request(`n${i}`, text, 24))
  const copied = await generate(copies)
  for (const [id, result] of await generateAlone(copies)) expect(copied.get(id)).toEqual(result)
  expect(new Set([...copied.values()].map(({ text: own }) => own)).size).toBeGreaterThan(1)
})

test('scores a continuation as generation finds it, with a shared prefix and alone', async () => {
  const text = 'Rate this answer from 1 to 5. Answer: the sea is blue. Score: '
  const [generated] = [
    ...(await generate([request('s', text, 6, { temperature: 0, repetitionPenalty: 1 })])).values(),
  ]
  const continuation = generated?.tokens ?? []
  expect(continuation.length).toBeGreaterThan(0)
  const expected = (generated?.logProbs?.chosen ?? new Float32Array(0))
    .slice(0, continuation.length)
    .reduce((sum, logProb) => sum + logProb, 0)
  const score = async (others: readonly string[]): Promise<number> => {
    const results = new Map<string, ScoreOutput>()
    await generator.score(
      [text, ...others].map((one, i) => ({
        id: `${i}`,
        tokens: byteTokenizer.encode(one),
        continuations: [continuation, byteTokenizer.encode('xyz')],
      })),
      { onResult: (result) => results.set(result.id, result) },
    )
    return results.get('0')?.logProbs[0] ?? Number.NaN
  }
  const alone = await score([])
  expect(Math.abs(alone - expected)).toBeLessThanOrEqual(1e-5 * continuation.length)
  expect(await score([text.replace('blue', 'green and wide'), text.replace('sea', 'C')])).toBe(alone)
})

test('returns hidden states with soft targets, the same in batches of any size', async () => {
  const allowedIds = Int32Array.from({ length: 257 }, (_, i) => i)
  const rows = ['ab', 'a longer answer than that', '', 'x'.repeat(190)].map((text, i) => ({
    id: `h${i}`,
    prompt: byteTokenizer.encode(`The same prefix for all of these rows. Question ${i}?`),
    completion: byteTokenizer.encode(text),
  }))
  const compute = async (requests: typeof rows) => {
    const results = new Map<string, unknown>()
    await generator.computeSoftTargets(
      requests,
      { topK: 6, temperature: 1, allowedIds, hidden: true },
      { onResult: (result) => results.set(result.id, result) },
    )
    return results
  }
  const together = await compute(rows)
  for (const one of rows) expect((await compute([one])).get(one.id)).toEqual(together.get(one.id))
  expect(together.size).toBe(rows.length)
})

test('keeps no page after an abort and after prefixes are gone, and its memory does not grow', async () => {
  const texts = Array.from({ length: 12 }, (_, i) =>
    request(`a${i}`, makeText(i, 40), 100, { temperature: 0 }),
  )
  const run = async (): Promise<void> => {
    const stop = new AbortController()
    let count = 0
    await generator.generate(texts, {
      signal: stop.signal,
      onResult: () => undefined,
      onPartial: () => ++count > 3 && stop.abort(),
    })
  }
  await run()
  await generate(texts)
  const before = { pages: decoder.pages.used, bytes: heap.used }
  for (let i = 0; i < 5; i++) {
    await run()
    await generate(texts)
  }
  // What is in use belongs to the cached prefixes.
  expect(decoder.pages.used).toBeLessThanOrEqual(before.pages)
  expect(heap.used).toBe(before.bytes)
  await generator.release()
  expect(decoder.pages.used).toBe(0)
})
