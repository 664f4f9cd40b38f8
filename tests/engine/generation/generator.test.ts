// A batch gives the same results as single rows, whichever rows join and leave; shared prefixes change no number.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeJobs } from '../../../src/engine/generation/scoring.ts'
import {
  Generator,
  type GenerateRequest,
  type GenerateResult,
  type ScoreOutput,
  type SoftTargetOutput,
} from '../../../src/engine/generation/generator.ts'
import { readDirection } from '../../../src/engine/weights/directions.ts'
import { byteTokenizer, END, makeTinyWeights, TINY } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

let generator: Generator
let single: Generator
beforeAll(async () => {
  const runtime = await openTestRuntime()
  generator = await Generator.create(runtime, makeTinyWeights(), byteTokenizer, { batchSize: 4 })
  single = await Generator.create(runtime, makeTinyWeights(), byteTokenizer, { batchSize: 1 })
})
afterAll(async () => {
  await generator.release()
  await single.release()
})

const request = (
  id: string,
  text: string,
  change: Partial<GenerateRequest['sampling']> = {},
): GenerateRequest => ({
  id,
  tokens: byteTokenizer.encode(text),
  sampling: {
    temperature: 0.8,
    topK: 0,
    topP: 0.95,
    minP: 0,
    repetitionPenalty: 1.1,
    maxTokens: 12,
    stop: [],
    rngSeed: id,
    ...change,
  },
})
async function generateAll(
  on: Generator,
  requests: readonly GenerateRequest[],
  signal?: AbortSignal,
): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  await on.generate(requests, {
    ...(signal ? { signal } : {}),
    onResult: (result) => results.set(result.id, result),
  })
  return results
}
async function scoreAll(
  on: Generator,
  texts: readonly string[],
  continuations: readonly string[],
): Promise<Map<string, ScoreOutput>> {
  const results = new Map<string, ScoreOutput>()
  const encode = (text: string) => byteTokenizer.encode(text)
  await on.score(
    texts.map((text) => ({ id: text, tokens: encode(text), continuations: continuations.map(encode) })),
    { onResult: (result) => results.set(result.id, result) },
  )
  return results
}

test('generates the same texts in a changing batch of four as in single rows', async () => {
  const texts = [
    'a',
    'What is tea?',
    'x'.repeat(90),
    'Name three rivers.',
    'hm',
    'Sing me of the sea and of ships',
    'b',
    'Why?',
    'The end of a long story is near',
  ]
  const requests = texts.map((text, i) => request(`row ${i}`, text, { maxTokens: 3 + 4 * (i % 4) }))
  const together = await generateAll(generator, requests)
  expect(together.size).toBe(texts.length)
  for (const one of requests) {
    const alone = (await generateAll(single, [one])).get(one.id)
    expect(together.get(one.id)).toEqual(alone)
    expect(alone?.tokens.length).toBeGreaterThan(0)
  }
})

test('generates the same texts with a shared prefix as without', async () => {
  const prefix = 'You are a helpful shop assistant. Be brief, be kind, be exact. '
  const requests = ['Tea?', 'Where is the bread?', 'Tea!', 'How much?', 'Open on Sunday?'].map((text, i) =>
    request(`p${i}`, prefix + text),
  )
  const progress = await generator.generate(requests, { onResult: () => undefined })
  expect(progress.sharedTokens).toBeGreaterThanOrEqual(prefix.length * 4)
  const together = await generateAll(generator, requests)
  for (const one of requests)
    expect(together.get(one.id)).toEqual((await generateAll(single, [one])).get(one.id))
})

test('computes a repeated prompt once and draws different completions by seed', async () => {
  const requests = [0, 1, 2, 3].map((i) => request(`n${i}`, 'Say something nice about rain'))
  const progress = await generator.generate(requests, { onResult: () => undefined })
  expect(progress.promptTokens).toBeLessThan(2 * 29)
  const together = await generateAll(generator, requests)
  for (const one of requests)
    expect(together.get(one.id)).toEqual((await generateAll(single, [one])).get(one.id))
  expect(new Set([...together.values()].map(({ text }) => text)).size).toBeGreaterThan(1)
})

test('prefills a prompt longer than one run in chunks with the same result', async () => {
  const long = request('long', 'abcdefgh'.repeat(30), { temperature: 0 })
  const others = [
    request('s1', 'hello', { temperature: 0 }),
    request('s2', 'good day to you', { temperature: 0 }),
  ]
  const together = await generateAll(generator, [long, ...others])
  for (const one of [long, ...others])
    expect(together.get(one.id)).toEqual((await generateAll(single, [one])).get(one.id))
})

test('ends a completion at a stop text that spans tokens, without the stop text', async () => {
  const free = (await generateAll(single, [request('free', 'hello', { temperature: 0, maxTokens: 20 })])).get(
    'free',
  )
  const stop = free?.text.slice(4, 7) ?? ''
  expect(stop.length).toBe(3)
  const stopped = (
    await generateAll(single, [
      request('free', 'hello', { temperature: 0, maxTokens: 20, stop: [stop, 'never'] }),
    ])
  ).get('free')
  expect(stopped?.finishReason).toBe('end')
  expect(stopped?.text).toBe(free?.text.slice(0, free.text.indexOf(stop)))
})

test('refuses a prompt that does not fit with a sentence and completes the others', async () => {
  const results = await generateAll(generator, [
    request('too long', 'x'.repeat(300)),
    request('empty', ''),
    request('fits', 'x'),
  ])
  expect(results.get('too long')?.refusal).toMatch(/300 tokens, but the context length is 256/)
  expect(results.get('empty')?.refusal).toMatch(/empty/)
  expect(results.get('fits')?.tokens.length).toBeGreaterThan(0)
})

test('ends a completion by length when the context is full', async () => {
  const results = await generateAll(generator, [request('near', 'x'.repeat(250), { maxTokens: 100 })])
  const result = results.get('near')
  expect(result?.finishReason === 'end' || result?.tokens.length === 6).toBe(true)
})

test('reports active rows as aborted with their text so far and frees their slots', async () => {
  const stop = new AbortController()
  const results = new Map<string, GenerateResult>()
  await generator.generate(
    [0, 1, 2, 3, 4, 5].map((i) => request(`a${i}`, `text ${i}`, { maxTokens: 200, temperature: 0 })),
    {
      signal: stop.signal,
      onResult: (result) => results.set(result.id, result),
      onPartial: () => stop.abort(), // called at a row's first token, then every tenth of a second
    },
  )
  expect(
    [...results.values()].every(({ finishReason }) => finishReason === 'aborted' || finishReason === 'end'),
  ).toBe(true)
  expect([...results.values()].some(({ tokens }) => tokens.length > 0)).toBe(true)
  expect(results.size).toBeLessThan(6)
  expect((await generateAll(generator, [request('after', 'hello')])).size).toBe(1)
})

test('scores all one-token continuations with probabilities that sum to one', async () => {
  const all = Array.from({ length: 257 }, (_, id) => [id])
  let scored: ScoreOutput | undefined
  await generator.score([{ id: 's', tokens: byteTokenizer.encode('hello'), continuations: all }], {
    onResult: (result) => (scored = result),
  })
  const sum = (scored?.logProbs ?? []).reduce((total, logProb) => total + Math.exp(logProb), 0)
  expect(Math.abs(sum - 1)).toBeLessThanOrEqual(1e-4)
})

test('scores a continuation as the sum of its steps, batched or alone, with or without a shared prefix', async () => {
  const texts = [
    'Rate this answer from 1 to 5. Answer: the sea is blue. Score: ',
    'Rate this answer from 1 to 5. Answer: no. Score: ',
    'Rate this answer from 1 to 5. Answer: tea is made of leaves. Score: ',
  ]
  const together = await scoreAll(generator, texts, ['1', '25', 'xyz'])
  for (const text of texts) {
    const alone = (await scoreAll(single, [text], ['1', '25', 'xyz'])).get(text)
    together
      .get(text)
      ?.logProbs.forEach((logProb, i) =>
        expect(Math.abs(logProb - (alone?.logProbs[i] ?? Number.NaN))).toBeLessThanOrEqual(2e-4),
      )
    const [two, five] = [
      (await scoreAll(single, [text], ['2'])).get(text)?.logProbs[0],
      (await scoreAll(single, [`${text}2`], ['5'])).get(`${text}2`)?.logProbs[0],
    ]
    expect(Math.abs((alone?.logProbs[1] ?? Number.NaN) - ((two ?? 0) + (five ?? 0)))).toBeLessThanOrEqual(
      2e-4,
    )
  }
})

test('ends a completion at the end token, without that token', async () => {
  const results = await generateAll(
    generator,
    Array.from({ length: 40 }, (_, i) =>
      request(`e${i}`, `${i}`, { temperature: 1.5, topP: 1, maxTokens: 60 }),
    ),
  )
  for (const { tokens, finishReason } of results.values()) {
    expect(tokens).not.toContain(END)
    if (finishReason === 'length') expect(tokens.length).toBe(60)
  }
})

test('shares a row between continuations with a common prefix, with the same scores', async () => {
  const tokens = byteTokenizer.encode('rate it:')
  const rows = (texts: readonly string[]): number =>
    makeJobs({ id: 'r', tokens, continuations: texts.map((text) => byteTokenizer.encode(text)) }).length
  expect(rows([' 1', ' 2', ' 3', ' 4', ' 5'])).toBe(1)
  expect(rows(['1', '12', '12x'])).toBe(1)
  expect(rows(['ab', 'cd', 'c'])).toBe(2)
  // None has one token, so the text before them is not a shared prefix up to its end.
  const continuations = [' 1', ' 2', ' 3x', ' 3', 'yes', 'no']
  const together =
    (await scoreAll(generator, ['rate it on this scale:'], continuations)).get('rate it on this scale:')
      ?.logProbs ?? []
  for (const [i, continuation] of continuations.entries()) {
    const alone =
      (await scoreAll(generator, ['rate it on this scale:'], [continuation])).get('rate it on this scale:')
        ?.logProbs[0] ?? Number.NaN
    expect(Math.abs((together[i] ?? Number.NaN) - alone)).toBeLessThanOrEqual(1e-4)
  }
})

test('computes the distributions of scoring, in a batch and alone, with one remaining mass', async () => {
  const allowedIds = Int32Array.from({ length: 60 }, (_, i) => 40 + i)
  const rows = ['ab', 'a longer answer than that', '', 'x'.repeat(40)].map((text, i) => ({
    id: `t${i}`,
    prompt: byteTokenizer.encode(`Question ${i}?`),
    completion: byteTokenizer.encode(text),
  }))
  const computeSoftTargets = async (
    on: Generator,
    requests: typeof rows,
    temperature: number,
  ): Promise<Map<string, SoftTargetOutput>> => {
    const results = new Map<string, SoftTargetOutput>()
    await on.computeSoftTargets(
      requests,
      { topK: 5, temperature, allowedIds },
      { onResult: (result) => results.set(result.id, result) },
    )
    return results
  }
  for (const temperature of [1, 2.5]) {
    const together = await computeSoftTargets(generator, rows, temperature)
    for (const one of rows) {
      const output = together.get(one.id)
      const alone = (await computeSoftTargets(single, [one], temperature)).get(one.id)
      expect(output?.indices).toEqual(alone?.indices)
      output?.probabilities.forEach((probability, i) =>
        expect(Math.abs(probability - (alone?.probabilities[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-6),
      )
      expect(output?.indices).toHaveLength(5 * (one.completion.length + 1))
      for (let at = 0; at <= one.completion.length; at++) {
        const probabilities = [...(output?.probabilities.subarray(at * 6, at * 6 + 6) ?? [])]
        expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
        expect(probabilities.slice(0, 5)).toEqual(probabilities.slice(0, 5).toSorted((a, b) => b - a))
      }
    }
  }
  // Against scoring: log-probabilities of every listed token after the first prompt, renormalised over the
  // allowed ids; no unlisted token is more likely.
  const [first] = rows
  const scores = new Map<string, ScoreOutput>()
  await single.score([{ id: 's', tokens: first!.prompt, continuations: [...allowedIds].map((id) => [id]) }], {
    onResult: (result) => scores.set(result.id, result),
  })
  const all = scores.get('s')?.logProbs ?? []
  const output = (await computeSoftTargets(single, [first!], 1)).get('t0')
  const listed = [...(output?.indices.subarray(0, 5) ?? [])]
  const total = Math.log(all.reduce((sum, logProb) => sum + Math.exp(logProb), 0))
  expect(total).toBeLessThan(-0.1) // most tokens are not allowed
  listed.forEach((index, i) =>
    expect(Math.log(output?.probabilities[i] ?? 0)).toBeCloseTo((all[index] ?? Number.NaN) - total, 4),
  )
  expect(Math.max(...all.filter((_, index) => !listed.includes(index)))).toBeLessThanOrEqual(
    Math.min(...listed.map((index) => all[index] ?? 0)),
  )
})

test('returns the hidden states from which the head computes the distributions, in a batch and alone', async () => {
  const allowedIds = Int32Array.from({ length: 257 }, (_, i) => i)
  const width = TINY.width
  // More than one run, a shared prefix, rows of different lengths.
  const rows = ['ab', 'a longer answer than that', '', 'x'.repeat(150), 'y'.repeat(90)].map((text, i) => ({
    id: `h${i}`,
    prompt: byteTokenizer.encode(`The same prefix for all of these rows. Question ${i}?`),
    completion: byteTokenizer.encode(text),
  }))
  const computeSoftTargets = async (
    on: Generator,
    requests: typeof rows,
    hidden: boolean,
  ): Promise<Map<string, SoftTargetOutput>> => {
    const results = new Map<string, SoftTargetOutput>()
    await on.computeSoftTargets(
      requests,
      { topK: 6, temperature: 1, allowedIds, hidden },
      { onResult: (result) => results.set(result.id, result) },
    )
    return results
  }
  const together = await computeSoftTargets(generator, rows, true)
  const plain = await computeSoftTargets(generator, rows, false)
  const { head } = makeTinyWeights()
  if (head.kind !== 'f32') throw new Error('the head is packed')
  for (const one of rows) {
    const output = together.get(one.id)
    const { hidden, ...rest } = output!
    expect(rest).toEqual(plain.get(one.id))
    expect(hidden).toHaveLength(width * (one.completion.length + 1))
    const alone = (await computeSoftTargets(single, [one], true)).get(one.id)?.hidden ?? new Uint16Array(0)
    for (let at = 0; at <= one.completion.length; at++) {
      const [state, same] = [new Float32Array(width), new Float32Array(width)]
      readDirection(hidden ?? alone, at * width, width, state, 0)
      readDirection(alone, at * width, width, same, 0)
      expect(
        Math.hypot(...state.map((x, i) => x - (same[i] ?? Number.NaN))) / Math.sqrt(width),
      ).toBeLessThanOrEqual(1e-3)
      // The state's norm is not stored: logits, and so differences of log-probabilities, match the head's
      // product up to one factor.
      const logits = Array.from({ length: 6 }, (_, i) =>
        state.reduce(
          (sum, x, row) =>
            sum + x * (head.data[row * head.N + (output?.indices[at * 6 + i] ?? 0)] ?? Number.NaN),
          0,
        ),
      )
      const logs = Array.from({ length: 6 }, (_, i) =>
        Math.log(output?.probabilities[at * 7 + i] ?? Number.NaN),
      )
      const factor = (logs[0]! - logs[5]!) / (logits[0]! - logits[5]!)
      expect(factor).toBeGreaterThan(0)
      for (let i = 1; i < 5; i++)
        expect(Math.abs(logs[0]! - logs[i]! - factor * (logits[0]! - logits[i]!))).toBeLessThanOrEqual(
          0.01 * (1 + Math.abs(logs[0]! - logs[5]!)),
        )
    }
  }
})

test('refuses only the completion that does not fit, and rejects after an abort', async () => {
  const allowedIds = Int32Array.from({ length: 20 }, (_, i) => i)
  const results: SoftTargetOutput[] = []
  const onResult = (result: SoftTargetOutput): void => void results.push(result)
  await generator.computeSoftTargets(
    [
      { id: 'long', prompt: byteTokenizer.encode('a'), completion: byteTokenizer.encode('b'.repeat(2000)) },
      { id: 'short', prompt: byteTokenizer.encode('a'), completion: [] },
    ],
    { topK: 2, temperature: 1, allowedIds },
    { onResult },
  )
  expect(results.find(({ id }) => id === 'long')).toMatchObject({
    refusal: expect.stringMatching(/^The row has 2001 tokens, but the context length is 256\./),
    indices: new Uint16Array(0),
  })
  expect(results.find(({ id }) => id === 'short')?.refusal).toBeUndefined()
  const stopped = new AbortController()
  stopped.abort()
  await expect(
    generator.computeSoftTargets(
      [{ id: 'x', prompt: [1], completion: [] }],
      { topK: 2, temperature: 1, allowedIds },
      { onResult, signal: stopped.signal },
    ),
  ).rejects.toMatchObject({ name: 'AbortError' })
})
